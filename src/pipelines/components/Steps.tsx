import { TranslationBundle } from '@jupyterlab/translation';
import React, { useRef, useState } from 'react';

import type { Decision, PipelineStep, Progress, Run } from '../../api';
import { Trouble } from '../../shared/components/Trouble';
import type { StepsState } from '../model';
import { ApprovalBox } from './ApprovalBox';
import { PipelineGraph } from './PipelineGraph';
import { StepList } from './StepList';

/** The steps of a pipeline run: the decisions that it waits for, the graph and the list. */
export function Steps(props: {
  run: Run;
  state: StepsState;
  /** Return the progress of a step that works. */
  progressOf: (step: PipelineStep) => Progress | undefined;
  onOpen: (run: string) => void;
  onDecide: (step: string, decision: Decision) => Promise<void>;
  onRetry: () => void;
  /** Open a step with its inputs. */
  onReproduce: (step: string) => void;
  /** Draw the items of a fan-out. */
  drawItems: (step: PipelineStep) => React.ReactNode;
  /** Draw what a step left, in short. */
  drawResult: (step: PipelineStep) => React.ReactNode;
  trans: TranslationBundle;
}): JSX.Element {
  const { run, state, trans } = props;
  const [unfolded, setUnfolded] = useState<string | null>(null);
  const list = useRef<HTMLDivElement>(null);
  const { steps, trouble } = state;
  const explained = trouble && (
    <Trouble problem={trouble} onRetry={props.onRetry} trans={trans} />
  );
  if (!steps) {
    return explained ?? <p className="dl-Empty">{trans.__('Loading…')}</p>;
  }
  /** Open the run of a step; show a step without one in the list. */
  const open = (step: PipelineStep) => {
    if (step.run_id) {
      props.onOpen(step.run_id);
      return;
    }
    if (step.items) {
      setUnfolded(step.id);
    }
    const row = list.current?.querySelector(`[data-step="${step.id}"]`);
    row?.scrollIntoView({ block: 'nearest' });
    row?.querySelector('button')?.focus({ preventScroll: true });
  };
  const asked = steps.filter(
    step => step.state === 'awaiting_approval' && step.approval
  );
  return (
    <div className="dl-Steps">
      {explained}
      {asked.map(step => (
        <ApprovalBox
          key={step.id}
          step={step}
          needed={steps.filter(
            needed => step.needs.includes(needed.id) && hasRuns(needed)
          )}
          onOpen={open}
          drawResult={props.drawResult}
          onDecide={decision => props.onDecide(step.id, decision)}
          trans={trans}
        />
      ))}
      <PipelineGraph
        steps={steps}
        progressOf={props.progressOf}
        onOpen={open}
        trans={trans}
      />
      <div ref={list}>
        <StepList
          steps={steps}
          startedAt={run.started_at}
          finishedAt={run.finished_at}
          unfolded={unfolded}
          onUnfold={setUnfolded}
          onOpen={open}
          onOpenRun={props.onOpen}
          onReproduce={step => props.onReproduce(step.id)}
          drawItems={props.drawItems}
          trans={trans}
        />
      </div>
    </div>
  );
}

function hasRuns(step: PipelineStep): boolean {
  return step.run_id !== null || step.items !== null;
}
