import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { Client, EventStream, OpenApproval, RunSummary } from '../api';
import { Refresher } from '../shared/refresh';
import type { IRuns } from '../tokens';

const INTERVAL_MS = 1000;

export type ApprovalsState = {
  /** The approvals on which this person may decide, the oldest first. */
  mine: readonly OpenApproval[];
  /** The approvals of this person's runs on which others decide. */
  others: readonly OpenApproval[];
};

/** The approvals that wait, kept up to date from the first refresh on. */
export class ApprovalsModel implements IDisposable {
  constructor(
    private readonly _client: Client,
    private readonly _events: EventStream,
    private readonly _runs: IRuns
  ) {
    _runs.runChanged.connect(this._onRun, this);
    _runs.runDeleted.connect(this._onOther, this);
    _events.restarted.connect(this._onOther, this);
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get state(): ApprovalsState {
    return this._state;
  }

  get isDisposed(): boolean {
    return this._refresher.isDisposed;
  }

  dispose(): void {
    this._refresher.dispose();
    this._runs.runChanged.disconnect(this._onRun, this);
    this._runs.runDeleted.disconnect(this._onOther, this);
    this._events.restarted.disconnect(this._onOther, this);
    Signal.clearData(this);
  }

  refresh(): void {
    this._isFollowing = true;
    this._refresher.request();
  }

  private async _read(): Promise<void> {
    try {
      const found = await this._client.pipelines.approvals();
      this._state = {
        mine: found.filter(each => each.may_decide),
        others: found.filter(each => !each.may_decide)
      };
      this._changed.emit();
    } catch {
      // The sidebar tells about trouble with the server already.
    }
  }

  private _onRun(_: IRuns, run: RunSummary): void {
    // An approval waits as long as its pipeline is active; other runs have none.
    if (run.kind === 'pipeline' && this._isFollowing) {
      this._refresher.request();
    }
  }

  private _onOther(): void {
    if (this._isFollowing) {
      this._refresher.request();
    }
  }

  private _state: ApprovalsState = { mine: [], others: [] };
  private _isFollowing = false;
  private readonly _refresher = new Refresher(() => this._read(), INTERVAL_MS);
  private readonly _changed = new Signal<this, void>(this);
}
