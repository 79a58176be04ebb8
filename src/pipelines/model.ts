import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import {
  Client,
  Decision,
  EventStream,
  PipelineStep,
  Problem,
  RunState,
  RunSummary
} from '../api';
import { Refresher } from '../shared/refresh';
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
export class StepsModel implements IDisposable {
  constructor(
    readonly id: string,
    private readonly _client: Client,
    private readonly _events: EventStream,
    private readonly _runs: IRuns
  ) {
    _runs.runChanged.connect(this._onRun, this);
    _events.restarted.connect(this._onRestarted, this);
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get state(): StepsState {
    return this._state;
  }

  get isDisposed(): boolean {
    return this._refresher.isDisposed;
  }

  dispose(): void {
    this._refresher.dispose();
    this._runs.runChanged.disconnect(this._onRun, this);
    this._events.restarted.disconnect(this._onRestarted, this);
    Signal.clearData(this);
  }

  /** Read the steps again. Many calls in a short time make few requests. */
  refresh(): void {
    this._isFollowing = true;
    this._refresher.request();
  }

  /** Approve or reject a step. Throw the problem when the server refuses. */
  async decide(step: string, decision: Decision): Promise<void> {
    await this._client.pipelines.decide(this.id, step, decision);
    this.refresh();
  }

  private async _read(): Promise<void> {
    try {
      const steps = await this._client.pipelines.steps(this.id);
      this._set({
        // The steps that are as before are not drawn again.
        steps: sameWhereEqual(this._state.steps, steps),
        trouble: null
      });
    } catch (reason) {
      this._set({ ...this._state, trouble: Problem.from(reason) });
    }
  }

  private _onRun(_: IRuns, run: RunSummary): void {
    const isOurs = run.id === this.id || run.parent?.id === this.id;
    if (!isOurs || !this._isFollowing) {
      return;
    }
    if (run.parent && this._statesOfRuns.get(run.id) === run.state) {
      // Only the progress of the step's run has changed; the steps stay as they are.
      this._set({ ...this._state });
      return;
    }
    this._statesOfRuns.set(run.id, run.state);
    this.refresh();
  }

  private _onRestarted(): void {
    if (this._isFollowing) {
      this.refresh();
    }
  }

  private _set(state: StepsState): void {
    if (!this.isDisposed) {
      this._state = state;
      this._changed.emit();
    }
  }

  private _state: StepsState = { steps: null, trouble: null };
  private readonly _statesOfRuns = new Map<string, RunState>();
  private _isFollowing = false;
  private readonly _refresher = new Refresher(() => this._read(), INTERVAL_MS);
  private readonly _changed = new Signal<this, void>(this);
}
