import { Connection, pathOf } from './connection';
import {
  Decision,
  ItemTable,
  OpenApproval,
  ImportedPipeline,
  PipelineStep,
  PipelineSuggestion,
  PipelineValidation,
  RepairPreview,
  RepairRequest,
  Run,
  StepMatrix,
  StepReuse,
  Submission,
  ValidateRequest
} from './types';

/** Pipelines: their files, and the steps of their runs. */
export class PipelinesClient {
  constructor(private readonly _connection: Connection) {}

  /** Find what is wrong with a pipeline's file, or with `content` in its place. */
  validate(request: ValidateRequest): Promise<PipelineValidation> {
    return this._connection.send(
      'POST',
      pathOf('pipelines', 'validate'),
      request
    );
  }

  /** Write the text of a new pipeline in `folder`, with a step for each of these files. Nothing is saved. */
  suggest(paths: string[], folder: string): Promise<PipelineSuggestion> {
    return this._connection.send('POST', pathOf('pipelines', 'suggest'), {
      paths,
      folder
    });
  }

  /** Write the text of a pipeline that does what Elyra's at this path does. Nothing is saved. */
  importElyra(path: string): Promise<ImportedPipeline> {
    return this._connection.send('POST', pathOf('pipelines', 'import'), {
      path
    });
  }

  /** List the steps of a pipeline run, in the order of its file. */
  async steps(run: string): Promise<PipelineStep[]> {
    const { items } = await this._connection.get<{ items: PipelineStep[] }>(
      pathOf('runs', run, 'steps')
    );
    return items;
  }

  /** List the items of a fan-out, or the points of a sweep, for which `step` is null. */
  items(run: string, step: string | null): Promise<ItemTable> {
    const query = step === null ? '' : `?step=${encodeURIComponent(step)}`;
    return this._connection.get(pathOf('runs', run, 'items') + query);
  }

  /** Tell what a run with reuse would do with each step. Nothing is started. */
  async previewReuse(submission: Submission): Promise<StepReuse[]> {
    const { items } = await this._connection.send<{ items: StepReuse[] }>(
      'POST',
      pathOf('pipelines', 'reuse-preview'),
      submission
    );
    return items;
  }

  /** Read a page of the runs of a pipeline, newest first, with the state of each step in each of them. */
  matrix(
    job: string,
    query: { limit?: number; cursor?: string }
  ): Promise<StepMatrix> {
    return this._connection.get(pathOf('jobs', job, 'step-matrix'), query);
  }

  /** List the approvals that wait for this person, and those of the person's own runs, the oldest first. */
  async approvals(): Promise<OpenApproval[]> {
    const { items } = await this._connection.get<{ items: OpenApproval[] }>(
      'approvals'
    );
    return items;
  }

  /** Approve or reject a step that awaits a decision. */
  decide(run: string, step: string, decision: Decision): Promise<unknown> {
    return this._connection.send(
      'POST',
      pathOf('runs', run, 'steps', step, 'decision'),
      decision
    );
  }

  /** Tell what a repair of the run would do with each step. Nothing is started. */
  previewRepair(run: string, request: RepairRequest): Promise<RepairPreview> {
    return this._connection.send(
      'POST',
      pathOf('runs', run, 'repair', 'preview'),
      request
    );
  }

  /** Repair a pipeline run that has ended, as a new run. */
  repair(run: string, request: RepairRequest, key: string): Promise<Run> {
    return this._connection.send(
      'POST',
      pathOf('runs', run, 'repair'),
      request,
      { 'Idempotency-Key': key }
    );
  }
}
