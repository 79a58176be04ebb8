import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';
import { TranslationBundle } from '@jupyterlab/translation';

import {
  Backfill,
  BackfillCell,
  BackfillRequest,
  Client,
  EventStream,
  Problem,
  RunSummary,
  Schedule,
  ScheduleChange
} from '../api';
import { Refresher } from '../shared/refresh';
import type { IRuns } from '../tokens';
import { instantOf, localOf } from './zones';

const INTERVAL_MS = 1000;
const PREVIEW_INTERVAL_MS = 400;
const WEEK_MS = 7 * 86_400_000;
export const MAX_CONCURRENCY = 100;

/** The wishes of a person as they are typed. The times are those of the schedule's zone. */
export type BackfillDraft = {
  first: string;
  last: string;
  scope: BackfillRequest['scope'];
  concurrency: string;
  newestFirst: boolean;
  tells: boolean;
};

export type BackfillState = {
  schedule: Schedule | null;
  draft: BackfillDraft;
  /** Sentences about problems, by field. */
  problems: { [field in keyof BackfillDraft]?: string };
  /** The grid; null while it is not known or cannot be told. */
  cells: readonly BackfillCell[] | null;
  previewProblem: Problem | null;
  /** The newest backfills of the schedule, and how far each is. */
  backfills: readonly Backfill[];
  busy: boolean;
  trouble: Problem | null;
};

/** The runs that a backfill of a schedule would start, and how far the newest backfills are. */
export class BackfillModel implements IDisposable {
  constructor(
    readonly id: string,
    private readonly _client: Pick<Client, 'schedules'>,
    private readonly _events: Pick<EventStream, 'schedule' | 'restarted'>,
    private readonly _runs: Pick<IRuns, 'runChanged'>,
    private readonly _trans: TranslationBundle
  ) {
    _events.schedule.connect(this._onSchedule, this);
    _events.restarted.connect(this.refresh, this);
    _runs.runChanged.connect(this._onRun, this);
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get state(): BackfillState {
    return this._state;
  }

  get isDisposed(): boolean {
    return this._refresher.isDisposed;
  }

  dispose(): void {
    this._refresher.dispose();
    this._previews.dispose();
    this._events.schedule.disconnect(this._onSchedule, this);
    this._events.restarted.disconnect(this.refresh, this);
    this._runs.runChanged.disconnect(this._onRun, this);
    Signal.clearData(this);
  }

  refresh(): void {
    this._refresher.request();
  }

  edit(change: Partial<BackfillDraft>): void {
    this._set({ draft: { ...this._state.draft, ...change } });
    this._previews.request();
  }

  /** Start what the grid shows. */
  start(): Promise<void> {
    return this._act(async () => {
      const request = this._request();
      if (request) {
        await this._client.schedules.backfill(this.id, request);
      }
    });
  }

  /** Run the ticks of a backfill again that ran and did not succeed. */
  again(backfill: Backfill): Promise<void> {
    return this._act(() =>
      this._client.schedules.backfill(this.id, {
        first: backfill.first,
        last: backfill.last,
        scope: 'failed',
        concurrency: backfill.concurrency,
        newest_first: false,
        tells: backfill.tells
      })
    );
  }

  /** Start no more ticks of the backfills of the schedule. */
  cancel(): Promise<void> {
    return this._act(() => this._client.schedules.cancelBackfill(this.id));
  }

  private async _act(work: () => Promise<unknown>): Promise<void> {
    this._set({ busy: true, trouble: null });
    try {
      await work();
    } catch (reason) {
      this._set({ trouble: Problem.from(reason) });
    }
    this._set({ busy: false });
    this.refresh();
  }

  private async _read(): Promise<void> {
    try {
      const [schedule, backfills] = await Promise.all([
        this._client.schedules.get(this.id),
        this._client.schedules.backfills(this.id)
      ]);
      const draft = this._state.schedule
        ? this._state.draft
        : draftOf(schedule.timezone);
      this._set({ schedule, backfills, draft });
      this._previews.request();
    } catch (reason) {
      this._set({ trouble: Problem.from(reason) });
    }
  }

  private async _preview(): Promise<void> {
    const request = this._request();
    if (!request) {
      return;
    }
    const { draft } = this._state;
    let found: Pick<BackfillState, 'cells' | 'previewProblem'>;
    try {
      const cells = await this._client.schedules.previewBackfill(
        this.id,
        request
      );
      found = { cells, previewProblem: null };
    } catch (reason) {
      found = { cells: null, previewProblem: Problem.from(reason) };
    }
    if (this._state.draft === draft) {
      this._set(found);
    }
  }

  /** Return the request of the draft; undefined, with the problems, when it makes none. */
  private _request(): BackfillRequest | undefined {
    const { schedule, draft } = this._state;
    if (!schedule) {
      return undefined;
    }
    const trans = this._trans;
    const first = instantOf(draft.first, schedule.timezone);
    const last = instantOf(draft.last, schedule.timezone);
    const concurrency = Number(draft.concurrency);
    const isNumber =
      Number.isInteger(concurrency) &&
      concurrency >= 1 &&
      concurrency <= MAX_CONCURRENCY;
    const problems: BackfillState['problems'] = {
      ...(first === null && { first: trans.__('Give a date and a time.') }),
      ...(last === null && { last: trans.__('Give a date and a time.') }),
      ...(first !== null &&
        last !== null &&
        Date.parse(last) < Date.parse(first) && {
          last: trans.__('This is before the first time.')
        }),
      ...(!isNumber && {
        concurrency: trans.__('Give a number from 1 to %1.', MAX_CONCURRENCY)
      })
    };
    this._set({ problems });
    if (Object.keys(problems).length || first === null || last === null) {
      this._set({ cells: null, previewProblem: null });
      return undefined;
    }
    return {
      first,
      last,
      scope: draft.scope,
      concurrency,
      newest_first: draft.newestFirst,
      tells: draft.tells
    };
  }

  private _onSchedule(_: unknown, change: ScheduleChange): void {
    if (change.schedule_id === this.id) {
      this.refresh();
    }
  }

  private _onRun(_: unknown, run: RunSummary): void {
    const isOpen = this._state.backfills.some(
      ({ waiting, running }) => waiting + running > 0
    );
    if (isOpen && run.job.id === this._state.schedule?.job_id) {
      this.refresh();
    }
  }

  private _set(change: Partial<BackfillState>): void {
    if (!this.isDisposed) {
      this._state = { ...this._state, ...change };
      this._changed.emit();
    }
  }

  private _state: BackfillState = {
    schedule: null,
    draft: draftOf('UTC'),
    problems: {},
    cells: null,
    previewProblem: null,
    backfills: [],
    busy: false,
    trouble: null
  };
  private readonly _refresher = new Refresher(() => this._read(), INTERVAL_MS);
  private readonly _previews = new Refresher(
    () => this._preview(),
    PREVIEW_INTERVAL_MS
  );
  private readonly _changed = new Signal<this, void>(this);
}

/** The last seven days, what is missing, one after the other, and nobody is told. */
function draftOf(timezone: string): BackfillDraft {
  const now = Date.now();
  return {
    first: localOf(now - WEEK_MS, timezone),
    last: localOf(now, timezone),
    scope: 'missing',
    concurrency: '1',
    newestFirst: false,
    tells: false
  };
}
