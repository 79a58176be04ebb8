import type { PipelineStep, RunSummary } from '../../api';

/** Make a step; it is a notebook that waits unless `change` says otherwise. */
export function step(
  id: string,
  change: Partial<PipelineStep> = {}
): PipelineStep {
  return {
    id,
    title: '',
    kind: 'notebook',
    path: `${id}.ipynb`,
    command: [],
    needs: [],
    run_if: 'all_success',
    condition: null,
    for_each: false,
    files: [],
    disabled: false,
    state: 'waiting',
    reason: null,
    with_failures: false,
    nothing_to_do: false,
    run_id: null,
    taken_from: null,
    job_id: null,
    items: null,
    started_at: null,
    finished_at: null,
    run_started_at: null,
    expected_s: null,
    due_at: null,
    approval: null,
    ...change
  };
}

export function reason(message: string): PipelineStep['reason'] {
  return { code: 'any', message, detail: {} };
}

/** Make the run of an item of the fan-out `train` of the pipeline run `p1`. */
export function item(key: string, change: Partial<RunSummary> = {}) {
  return {
    id: `run-${key}`,
    kind: 'notebook',
    state: 'succeeded',
    phase: 'succeeded',
    job: { name: 'train', path: 'train.ipynb' },
    parent: { id: 'p1', key: `train/${key}`, kind: 'pipeline' },
    started_at: null,
    finished_at: null,
    reason: null,
    nothing_to_do: false,
    revision: 1,
    ...change
  } as RunSummary;
}

const QUESTION = 'Publish?';

/** The pipeline of the guide: a chain with a branch, a fan-out and an approval. */
export const STEPS: PipelineStep[] = [
  step('extract', { state: 'succeeded', run_id: 'r1' }),
  step('clean', {
    needs: ['extract'],
    state: 'skipped',
    condition: 'steps.extract.values.rows > 0',
    reason: reason('Its condition does not hold.')
  }),
  step('train', {
    needs: ['extract'],
    state: 'running',
    for_each: true,
    items: { total: 40, succeeded: 11, failed: 1, active: 4, waiting: 24 }
  }),
  step('ok', {
    kind: 'approval',
    path: null,
    title: QUESTION,
    needs: ['extract'],
    state: 'awaiting_approval',
    approval: {
      ask: 'Publish these figures?',
      who: ['ada'],
      may_decide: true,
      decided_by: null,
      decided_at: null,
      comment: ''
    }
  })
];
