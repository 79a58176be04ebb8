import {
  Client,
  Decision,
  EventStream,
  PipelineStep,
  Problem,
  RunState,
  RunSummary
} from '../api';
import { Following } from '../shared/following';
import { sameWhereEqual } from '../shared/same';
import type { IRuns } from '../tokens';

/** The least time in milliseconds between two requests, however many steps change. */
const INTERVAL_MS = 500;

export type StepsState = {
  /** In the order of the file; null until the server has answered. */
  steps: readonly PipelineStep[] | null;
  trouble: Problem | null;
};

/** The steps of a pipeline run, kept up to date from the first refresh on. */
export class StepsModel extends Following<StepsState> {
  constructor(
    readonly id: string,
    private readonly _client: Client,
    events: EventStream,
    runs: IRuns
  ) {
    super({ steps: null, trouble: null }, INTERVAL_MS);
    this.follow(runs.runChanged, run => this._isNews(run));
    this.follow(events.restarted);
  }

  /** Approve or reject a step. Throw the problem when the server refuses. */
  async decide(step: string, decision: Decision): Promise<void> {
    await this._client.pipelines.decide(this.id, step, decision);
    this.refresh();
  }

  protected async read(): Promise<StepsState> {
    try {
      const steps = await this._client.pipelines.steps(this.id);
      // The steps that are as before are not drawn again.
      return { steps: sameWhereEqual(this.state.steps, steps), trouble: null };
    } catch (reason) {
      return { ...this.state, trouble: Problem.from(reason) };
    }
  }

  private _isNews(run: RunSummary): boolean {
    if (run.id !== this.id && run.parent?.id !== this.id) {
      return false;
    }
    if (run.parent && this._statesOfRuns.get(run.id) === run.state) {
      // Only the progress of the step's run has changed; the steps stay as they are.
      this.setState({ ...this.state });
      return false;
    }
    this._statesOfRuns.set(run.id, run.state);
    return true;
  }

  private readonly _statesOfRuns = new Map<string, RunState>();
}
