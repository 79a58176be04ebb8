import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import {
  Client,
  EventStream,
  Problem,
  RunSummary,
  Schedule,
  ScheduleChange,
  Status,
  Tick
} from '../api';
import { Refresher } from '../shared/refresh';
import type { IRuns } from '../tokens';

const INTERVAL_MS = 1000;
const PAGE = 50;

export type SchedulePageState = {
  schedule: Schedule | null;
  ticks: readonly Tick[];
  /** The states of the ticks that the log shows, with commas; empty for all. */
  filter: string;
  hasMore: boolean;
  /** The engine and its end; null while it is not known. */
  status: Pick<Status, 'engine' | 'culled'> | null;
  trouble: Problem | null;
};

/** One schedule with its decision log, kept up to date. */
export class SchedulePageModel implements IDisposable {
  constructor(
    readonly id: string,
    private readonly _client: Pick<Client, 'schedules' | 'status'>,
    private readonly _events: Pick<EventStream, 'schedule' | 'restarted'>,
    private readonly _runs: Pick<IRuns, 'runChanged'>
  ) {
    _events.schedule.connect(this._onSchedule, this);
    _events.restarted.connect(this.refresh, this);
    _runs.runChanged.connect(this._onRun, this);
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get state(): SchedulePageState {
    return this._state;
  }

  get isDisposed(): boolean {
    return this._refresher.isDisposed;
  }

  dispose(): void {
    this._refresher.dispose();
    this._events.schedule.disconnect(this._onSchedule, this);
    this._events.restarted.disconnect(this.refresh, this);
    this._runs.runChanged.disconnect(this._onRun, this);
    Signal.clearData(this);
  }

  refresh(): void {
    this._refresher.request();
  }

  setFilter(filter: string): void {
    this._count = PAGE;
    this._set({ filter });
    this.refresh();
  }

  showMore(): void {
    this._count += PAGE;
    this.refresh();
  }

  private async _read(): Promise<void> {
    const { filter } = this._state;
    try {
      const [schedule, page, status] = await Promise.all([
        this._client.schedules.get(this.id),
        this._client.schedules.ticks({
          schedule: this.id,
          state: filter,
          limit: Math.min(this._count, 500)
        }),
        this._client.status()
      ]);
      const hasMore = page.next !== null && this._count < 500;
      const ticks = page.items;
      this._set({ schedule, ticks, hasMore, status, trouble: null });
    } catch (reason) {
      this._set({ trouble: Problem.from(reason) });
    }
  }

  private _onSchedule(_: unknown, change: ScheduleChange): void {
    if (change.schedule_id === this.id) {
      this.refresh();
    }
  }

  private _onRun(_: unknown, run: RunSummary): void {
    if (this._state.ticks.some(tick => tick.run_id === run.id)) {
      this.refresh();
    }
  }

  private _set(change: Partial<SchedulePageState>): void {
    if (!this.isDisposed) {
      this._state = { ...this._state, ...change };
      this._changed.emit();
    }
  }

  private _state: SchedulePageState = {
    schedule: null,
    ticks: [],
    filter: '',
    hasMore: false,
    status: null,
    trouble: null
  };
  private _count = PAGE;
  private readonly _refresher = new Refresher(() => this._read(), INTERVAL_MS);
  private readonly _changed = new Signal<this, void>(this);
}
