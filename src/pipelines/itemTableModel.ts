import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import {
  Client,
  EventStream,
  ItemTable,
  Problem,
  RunState,
  RunSummary
} from '../api';
import { Refresher } from '../shared/refresh';
import { sameWhereEqual } from '../shared/same';
import type { IRuns } from '../tokens';

/** The least time in milliseconds between two requests, and for each item of the table beside it. */
const INTERVAL_MS = 500;
const INTERVAL_PER_ITEM_MS = 2;

export type ItemTableState = {
  /** Null until the server has answered. */
  table: ItemTable | null;
  trouble: Problem | null;
};

/** The items of a fan-out, or the points of a sweep, kept up to date from the first refresh on. */
export class ItemTableModel implements IDisposable {
  /** `step` is the fan-out; null for a sweep. */
  constructor(
    readonly run: string,
    readonly step: string | null,
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

  get state(): ItemTableState {
    return this._state;
  }

  get isDisposed(): boolean {
    return this._reading.isDisposed;
  }

  dispose(): void {
    this._reading.dispose();
    this._runs.runChanged.disconnect(this._onRun, this);
    this._events.restarted.disconnect(this._onRestarted, this);
    Signal.clearData(this);
  }

  /** Read the table again. Many calls in a short time make few requests. */
  refresh(): void {
    this._isFollowing = true;
    this._reading.request();
  }

  private async _read(): Promise<void> {
    let state: ItemTableState;
    try {
      const table = await this._client.pipelines.items(this.run, this.step);
      // Rows that are as before stay the same objects.
      state = {
        table: sameWhereEqual(this._state.table, table),
        trouble: null
      };
    } catch (reason) {
      state = { ...this._state, trouble: Problem.from(reason) };
    }
    if (!this.isDisposed) {
      this._state = state;
      this._changed.emit();
    }
  }

  private _onRun(_: IRuns, run: RunSummary): void {
    const { id, parent, state } = run;
    const isOurs = id === this.run || parent?.id === this.run;
    if (!isOurs || !this._isFollowing || this._states.get(id) === state) {
      return;
    }
    this._states.set(id, state);
    this._reading.request();
  }

  private _onRestarted(): void {
    if (this._isFollowing) {
      this._reading.request();
    }
  }

  private readonly _reading = new Refresher(
    () => this._read(),
    () =>
      INTERVAL_MS +
      INTERVAL_PER_ITEM_MS * (this._state.table?.items.length ?? 0)
  );
  private _state: ItemTableState = { table: null, trouble: null };
  private readonly _states = new Map<string, RunState>();
  private _isFollowing = false;
  private readonly _changed = new Signal<this, void>(this);
}
