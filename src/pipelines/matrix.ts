import { TranslationBundle } from '@jupyterlab/translation';

import type { MatrixRun, StepCell, StepMatrix } from '../api';
import { formatDuration } from '../shared/format';
import { labelOf, labelOfSuccess } from '../shared/phases';

/** A column: a run, and its steps by id. */
export type Column = MatrixRun & { cellOf: ReadonlyMap<string, StepCell> };

/** A run with its repairs, newest first. The run itself is the last one, unless it is on another page. */
export type ColumnGroup = { root: string; columns: Column[] };

/**
 * Put each repair beside the run that it repairs.
 *
 * A group has the place of its root, the run that was repaired first, so that a late repair of an old run does not
 * change the order of the days.
 */
export function groupsOf(matrix: Pick<StepMatrix, 'runs'>): ColumnGroup[] {
  const repaired = new Map(
    matrix.runs.flatMap(({ run }) =>
      run.trigger.kind === 'repair' && run.trigger.ref
        ? [[run.id, run.trigger.ref]]
        : []
    )
  );
  const rootOf = (id: string) => {
    let root = id;
    for (let next = repaired.get(root); next; next = repaired.get(root)) {
      root = next;
    }
    return root;
  };
  const groups = new Map<string, ColumnGroup>();
  for (const each of matrix.runs) {
    const root = rootOf(each.run.id);
    const group = groups.get(root) ?? { root, columns: [] };
    const cellOf = new Map(each.cells.map(cell => [cell.step, cell]));
    group.columns.push({ ...each, cellOf });
    groups.set(root, group);
  }
  // Ids have the order of time.
  return [...groups.values()].sort((a, b) => (a.root < b.root ? 1 : -1));
}

export function isRepair({ run }: MatrixRun): boolean {
  return run.trigger.kind === 'repair';
}

/** Return the seconds between two instants; null unless both are there. */
export function secondsBetween(
  start: string | null,
  end: string | null
): number | null {
  return start && end
    ? Math.max(0, (Date.parse(end) - Date.parse(start)) / 1000)
    : null;
}

/** Tell whether the result of a step was made in another run. */
export function isTakenOver(cell: StepCell): boolean {
  return cell.taken_from !== null && cell.started_at === null;
}

/** Return all that a cell says, as one text: the icon alone says little. */
export function textOfCell(cell: StepCell, trans: TranslationBundle): string {
  const { items, reason, state } = cell;
  const seconds = secondsBetween(cell.started_at, cell.finished_at);
  const label =
    (state === 'succeeded' && labelOfSuccess(cell, trans)) ||
    labelOf(state, trans);
  return [
    label,
    isTakenOver(cell) &&
      reason?.code !== 'reused' &&
      trans.__('taken over from another run'),
    items?.failed &&
      trans.__('%1 of %2 items failed', items.failed, items.total),
    seconds !== null && formatDuration(seconds),
    reason?.message
  ]
    .filter(Boolean)
    .join(' · ');
}
