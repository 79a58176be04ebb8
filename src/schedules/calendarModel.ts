import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { Client, EventStream, Problem, Schedule, TickSpan } from '../api';
import { Refresher } from '../shared/refresh';
import type { IRuns } from '../tokens';
import {
  addDays,
  addMonths,
  CalendarView,
  Day,
  dayOf,
  daysOf
} from './calendarDays';
import { entriesOf, Entry, EntryFilter } from './calendarEntries';

const INTERVAL_MS = 3000;
const PAGE = 500;

export type CalendarState = {
  view: CalendarView;
  /** The chosen day; the view shows its month or its week. */
  day: Day;
  days: readonly Day[];
  filter: EntryFilter;
  entries: readonly Entry[];
  /** The environments and jobs of all schedules, sorted. */
  environments: readonly string[];
  jobs: readonly string[];
  /** False when the server has left starts out, because there are too many. */
  isComplete: boolean;
  isRead: boolean;
  trouble: Problem | null;
};

/** The past and coming starts of all schedules, kept up to date while the calendar is open. */
export class CalendarModel implements IDisposable {
  constructor(
    private readonly _client: Pick<Client, 'schedules'>,
    private readonly _events: Pick<EventStream, 'schedule' | 'restarted'>,
    private readonly _runs: Pick<IRuns, 'runChanged'>,
    today = new Date()
  ) {
    const day = dayOf(today);
    this._state = {
      view: 'month',
      day,
      days: daysOf('month', day),
      filter: { environment: '', job: '', state: '' },
      entries: [],
      environments: [],
      jobs: [],
      isComplete: true,
      isRead: false,
      trouble: null
    };
    _events.schedule.connect(this.refresh, this);
    _events.restarted.connect(this.refresh, this);
    _runs.runChanged.connect(this._onRun, this);
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get state(): CalendarState {
    return this._state;
  }

  get isDisposed(): boolean {
    return this._refresher.isDisposed;
  }

  dispose(): void {
    this._refresher.dispose();
    this._events.schedule.disconnect(this.refresh, this);
    this._events.restarted.disconnect(this.refresh, this);
    this._runs.runChanged.disconnect(this._onRun, this);
    Signal.clearData(this);
  }

  refresh(): void {
    this._refresher.request();
  }

  setView(view: CalendarView): void {
    this._show(view, this._state.day);
  }

  choose(day: Day): void {
    this._show(this._state.view, day);
  }

  /** Go so many months or weeks ahead. */
  move(steps: number): void {
    const { view, day } = this._state;
    this._show(
      view,
      view === 'month' ? addMonths(day, steps) : addDays(day, 7 * steps)
    );
  }

  setFilter(filter: Partial<EntryFilter>): void {
    this._set({ filter: { ...this._state.filter, ...filter } });
  }

  private _show(view: CalendarView, day: Day): void {
    const wanted = daysOf(view, day);
    const { days: shown } = this._state;
    // The days stay the same object, by which a reading that goes on knows its own.
    if (wanted.length === shown.length && +wanted[0] === +shown[0]) {
      this._set({ view, day });
    } else {
      this._set({ view, day, days: wanted, entries: [], isRead: false });
      void this._read();
    }
  }

  private async _read(): Promise<void> {
    const { days } = this._state;
    const first = days[0];
    const last = addDays(days[days.length - 1], 1);
    try {
      const [span, schedules] = await Promise.all([
        this._client.schedules.span({
          first: first.toISOString(),
          last: new Date(last.getTime() - 1).toISOString()
        }),
        this._schedules()
      ]);
      if (this._state.days === days) {
        this._set({ ...this._found(span, schedules), trouble: null });
      }
    } catch (reason) {
      this._set({ trouble: Problem.from(reason) });
    }
  }

  private _found(
    span: TickSpan,
    schedules: readonly Schedule[]
  ): Partial<CalendarState> {
    const sorted = (names: string[]) =>
      [...new Set(names)].sort((a, b) => a.localeCompare(b));
    return {
      entries: entriesOf(span, schedules, Date.now()),
      environments: sorted(schedules.map(({ environment }) => environment)),
      jobs: sorted(schedules.map(({ job_name }) => job_name)),
      isComplete: span.is_complete,
      isRead: true
    };
  }

  private async _schedules(): Promise<Schedule[]> {
    const found: Schedule[] = [];
    let cursor: string | undefined;
    do {
      const page = await this._client.schedules.page({ limit: PAGE, cursor });
      found.push(...page.items);
      cursor = page.next ?? undefined;
    } while (cursor !== undefined);
    return found;
  }

  private _onRun(_: unknown, run: { id: string }): void {
    if (this._state.entries.some(entry => entry.runId === run.id)) {
      this.refresh();
    }
  }

  private _set(change: Partial<CalendarState>): void {
    if (!this.isDisposed) {
      this._state = { ...this._state, ...change };
      this._changed.emit();
    }
  }

  private _state: CalendarState;
  private readonly _refresher = new Refresher(() => this._read(), INTERVAL_MS);
  private readonly _changed = new Signal<this, void>(this);
}
