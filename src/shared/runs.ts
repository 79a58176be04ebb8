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

/** Tell whether a run executes a notebook. Others have a log, steps or points instead. */
export function hasNotebook(run: Pick<RunSummary, 'kind'>): boolean {
  return run.kind === 'notebook';
}

/** Tell whether the parts of a run are runs of their own. It has no log and no values then, and can be repaired. */
export function hasParts(run: Pick<RunSummary, 'kind'>): boolean {
  return run.kind === 'pipeline' || run.kind === 'sweep';
}

export function isTerminal(run: RunSummary): boolean {
  return TERMINAL.has(run.state);
}

/** Make the summary of a run: leave out large parts that lists do not show. */
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

/** Return the seconds of work so far, or null before it begins. `now` is in milliseconds. */
export function secondsOf(run: RunSummary, now: number): number | null {
  if (!run.started_at) {
    return null;
  }
  const end = run.finished_at ? Date.parse(run.finished_at) : now;
  return Math.max(0, (end - Date.parse(run.started_at)) / 1000);
}

/** Return the cell that failed, counted from 0, or null. */
export function failingCell(run: Run): number | null {
  const cell = run.reason?.detail.cell;
  return typeof cell === 'number' ? cell : null;
}

/** Return the lines that a program without cells wrote about its failure; '' for none. */
export function programError(run: Run): string {
  const lines = hasNotebook(run) ? null : run.reason?.detail.traceback;
  return Array.isArray(lines) ? lines.join('\n') : '';
}

/** Return the file that a run did not find although it lies where the notebook looks for it; or null. */
export function leftBehind(run: Run): string | null {
  const file = run.reason?.detail.left_behind;
  return typeof file === 'string' ? file : null;
}

/** Return the index of `id`, or its place, in ids that are sorted newest first. The order of ids is that of time. */
export function insertionIndex(id: string, ids: readonly string[]): number {
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
