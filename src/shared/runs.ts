import type { Run, RunState } from '../api';

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

export function isTerminal(run: Run): boolean {
  return TERMINAL.has(run.state);
}

export function canCancel(run: Run): boolean {
  return !isTerminal(run) && run.cancel_requested_at === null;
}

/** Seconds of work so far, or null where none has begun. `now` in milliseconds. */
export function secondsOf(run: Run, now: number): number | null {
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

export function newestFirst(runs: Iterable<Run>): Run[] {
  return [...runs].sort(
    (a, b) =>
      b.created_at.localeCompare(a.created_at) || b.id.localeCompare(a.id)
  );
}
