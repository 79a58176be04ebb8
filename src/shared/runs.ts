import type { Run, RunState, RunSummary } from '../api';

export const TERMINAL: ReadonlySet<RunState> = new Set([
  'succeeded',
  'failed',
  'timed_out',
  'cancelled',
  'lost',
  'skipped',
  'expired',
  'rejected'
]);

export function isTerminal(run: RunSummary): boolean {
  return TERMINAL.has(run.state);
}

/** Leave out what lists do not show and may be large. */
export function summaryOf(run: Run): RunSummary {
  const {
    parameters,
    parameter_schema,
    values,
    attempts,
    artifacts,
    findings,
    ...summary
  } = run;
  return { ...summary, reason: run.reason && { ...run.reason, detail: {} } };
}

export function canCancel(run: RunSummary): boolean {
  return !isTerminal(run) && run.cancel_requested_at === null;
}

/** Seconds of work so far, or null where none has begun. `now` in milliseconds. */
export function secondsOf(run: RunSummary, now: number): number | null {
  if (!run.started_at) {
    return null;
  }
  const end = run.finished_at ? Date.parse(run.finished_at) : now;
  return Math.max(0, (end - Date.parse(run.started_at)) / 1000);
}

/** The cell a run failed at, counted from 0, or null. */
export function failingCell(run: Run): number | null {
  const cell = run.reason?.detail.cell;
  return typeof cell === 'number' ? cell : null;
}

/** The file that a run did not find, but that lies where its notebook would have found it; or null. */
export function leftBehind(run: Run): string | null {
  const file = run.reason?.detail.left_behind;
  return typeof file === 'string' ? file : null;
}

/** Where `id` stands, or belongs, among ids that are sorted from the newest on. Ids are sorted as times are. */
export function placeOf(id: string, ids: readonly string[]): number {
  let [low, high] = [0, ids.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ids[middle] > id) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

export function newestFirst(runs: Iterable<RunSummary>): RunSummary[] {
  return [...runs].sort((a, b) => (a.id < b.id ? 1 : -1));
}
