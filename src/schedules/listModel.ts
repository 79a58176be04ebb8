import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { Client, EventStream, Problem, RunSummary, Schedule } from '../api';
import { Refresher } from '../shared/refresh';
import type { IRuns } from '../tokens';

const INTERVAL_MS = 1000;
const PAGE = 500;

export type SchedulesState = {
  schedules: readonly Schedule[];
  isRead: boolean;
  trouble: Problem | null;
};

/** The schedules of everybody, or those of one job, kept up to date from the first refresh on. */
export class SchedulesModel implements IDisposable {
  constructor(
    private readonly _client: Pick<Client, 'schedules'>,
    private readonly _events: Pick<EventStream, 'schedule' | 'restarted'>,
    private readonly _runs: Pick<IRuns, 'runChanged'>,
    private readonly _job?: string
  ) {
    _events.schedule.connect(this._onChange, this);
    _events.restarted.connect(this._onChange, this);
    _runs.runChanged.connect(this._onRun, this);
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get state(): SchedulesState {
    return this._state;
  }

  get isDisposed(): boolean {
    return this._refresher.isDisposed;
  }

  dispose(): void {
    this._refresher.dispose();
    this._events.schedule.disconnect(this._onChange, this);
    this._events.restarted.disconnect(this._onChange, this);
    this._runs.runChanged.disconnect(this._onRun, this);
    Signal.clearData(this);
  }

  refresh(): void {
    this._isFollowing = true;
    this._refresher.request();
  }

  private async _read(): Promise<void> {
    try {
      const schedules: Schedule[] = [];
      let cursor: string | undefined;
      do {
        const page = await this._client.schedules.page({
          job: this._job,
          limit: PAGE,
          cursor
        });
        schedules.push(...page.items);
        cursor = page.next ?? undefined;
      } while (cursor !== undefined);
      this._state = { schedules, isRead: true, trouble: null };
    } catch (reason) {
      this._state = { ...this._state, trouble: Problem.from(reason) };
    }
    this._changed.emit();
  }

  private _onChange(): void {
    if (this._isFollowing) {
      this._refresher.request();
    }
  }

  private _onRun(_: unknown, run: RunSummary): void {
    const isLast = ({ last_run: last }: Schedule) => last?.id === run.id;
    if (this._state.schedules.some(isLast)) {
      this._onChange();
    }
  }

  private _state: SchedulesState = {
    schedules: [],
    isRead: false,
    trouble: null
  };
  private _isFollowing = false;
  private readonly _refresher = new Refresher(() => this._read(), INTERVAL_MS);
  private readonly _changed = new Signal<this, void>(this);
}
