import { TranslationBundle } from '@jupyterlab/translation';
import React, { useMemo, useRef, useState } from 'react';

import type { MatrixStep, StepMatrix } from '../../api';
import { KindIcon } from '../../shared/components/KindIcon';
import { formatDuration, formatExact } from '../../shared/format';
import { rerunIcon } from '../../shared/icons';
import { labelOf, labelOfSuccess, phaseAppearance } from '../../shared/phases';
import {
  Column,
  ColumnGroup,
  groupsOf,
  isRepair,
  isTakenOver,
  secondsBetween,
  textOfCell
} from '../matrix';

type Place = { row: number; column: number };

/** The runs of a pipeline as columns, the newest on the left, and its steps as rows. The arrow keys go from cell to cell. */
export function Matrix(props: {
  matrix: StepMatrix;
  /** Open the record of a run: of the pipeline, or of a step. */
  onOpen: (run: string) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { matrix, onOpen, trans } = props;
  const groups = useMemo(() => groupsOf(matrix), [matrix]);
  const columns = groups.flatMap(group => group.columns);
  const longest = longestOf(columns);
  // A line stands on the left of a run with its repairs.
  const firsts = new Set(
    groups
      .filter(group => group.columns.length > 1)
      .map(group => group.columns[0])
  );
  const table = useRef<HTMLTableElement>(null);
  const [focused, setFocused] = useState<Place>({ row: 0, column: 0 });
  const last = { row: matrix.steps.length, column: columns.length - 1 };
  const inFocus = {
    row: Math.min(focused.row, last.row),
    column: Math.min(focused.column, last.column)
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    const target = placeAfter(event, inFocus, last);
    if (target) {
      event.preventDefault();
      table.current
        ?.querySelector<HTMLElement>(
          `[data-row="${target.row}"][data-column="${target.column}"]`
        )
        ?.focus();
    }
  };
  const cellOf = (row: number, column: number) => ({
    'data-row': row,
    'data-column': column,
    tabIndex: row === inFocus.row && column === inFocus.column ? 0 : -1,
    onFocus: () => setFocused({ row, column })
  });
  return (
    <div className="dl-Matrix">
      <table
        ref={table}
        role="grid"
        aria-label={trans.__('Runs and steps')}
        aria-readonly="true"
        onKeyDown={onKeyDown}
      >
        <thead>
          <Groups groups={groups} trans={trans} />
          <tr>
            <td className="dl-Matrix-corner" />
            {columns.map((column, at) => (
              <th
                key={column.run.id}
                scope="col"
                className="dl-Matrix-run"
                data-first={firsts.has(column) || undefined}
              >
                <RunHeader
                  column={column}
                  longest={longest}
                  attributes={cellOf(0, at)}
                  onOpen={onOpen}
                  trans={trans}
                />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {matrix.steps.map((step, at) => (
            <tr key={step.id} data-step={step.id}>
              <StepHeader step={step} trans={trans} />
              {columns.map((column, columnAt) => (
                <StepOfRun
                  key={column.run.id}
                  step={step}
                  column={column}
                  isFirst={firsts.has(column)}
                  attributes={cellOf(at + 1, columnAt)}
                  onOpen={onOpen}
                  trans={trans}
                />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The row above the runs, which names those that are one run with its repairs. */
function Groups(props: {
  groups: ColumnGroup[];
  trans: TranslationBundle;
}): JSX.Element | null {
  const { groups, trans } = props;
  if (!groups.some(({ columns }) => columns.length > 1)) {
    return null;
  }
  return (
    <tr className="dl-Matrix-groups">
      <td className="dl-Matrix-corner" />
      {groups.map(({ root, columns }) =>
        columns.length > 1 ? (
          <th
            key={root}
            scope="colgroup"
            colSpan={columns.length}
            className="dl-Matrix-group"
          >
            <span>{trans.__('repaired')}</span>
          </th>
        ) : (
          <td key={root} />
        )
      )}
    </tr>
  );
}

type CellAttributes = {
  'data-row': number;
  'data-column': number;
  tabIndex: number;
  onFocus: () => void;
};

function RunHeader(props: {
  column: Column;
  longest: number;
  attributes: CellAttributes;
  onOpen: (run: string) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { column, trans } = props;
  const { run } = column;
  const seconds = secondsBetween(run.started_at, run.finished_at);
  const { icon: Icon, tone } = phaseAppearance(run.phase);
  const created = new Date(run.created_at);
  const part = (options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat(undefined, options).format(created);
  const label =
    (run.phase === 'succeeded' && labelOfSuccess(run, trans)) ||
    labelOf(run.phase, trans);
  const text = [
    formatExact(run.created_at),
    isRepair(column) && trans.__('Repair of run %1', run.trigger.ref ?? ''),
    seconds === null ? label : `${label} · ${formatDuration(seconds)}`,
    run.reason?.message
  ]
    .filter(Boolean)
    .join('\n');
  return (
    <button
      type="button"
      {...props.attributes}
      className="dl-Matrix-open"
      aria-label={text}
      title={text}
      onClick={() => props.onOpen(run.id)}
    >
      <span className="dl-Matrix-bar">
        {seconds !== null && (
          <span
            data-tone={tone}
            style={{ height: `${(100 * seconds) / props.longest}%` }}
          />
        )}
      </span>
      <span className="dl-Matrix-day">{part({ weekday: 'short' })}</span>
      <span>{part({ day: 'numeric', month: 'short' })}</span>
      <span>{part({ hour: '2-digit', minute: '2-digit' })}</span>
      <span className="dl-State" data-tone={tone}>
        <Icon.react tag="span" className="dl-State-icon" />
        {isRepair(column) && (
          <rerunIcon.react tag="span" className="dl-State-icon" />
        )}
      </span>
    </button>
  );
}

function StepHeader(props: {
  step: MatrixStep;
  trans: TranslationBundle;
}): JSX.Element {
  const { step, trans } = props;
  return (
    <th
      scope="row"
      className="dl-Matrix-step"
      data-gone={!step.kind || undefined}
    >
      {step.kind && <KindIcon kind={step.kind} trans={trans} />}
      <span title={step.id}>{step.title || step.id}</span>
      {!step.kind && (
        <span className="dl-mod-quiet"> {trans.__('(no more)')}</span>
      )}
    </th>
  );
}

function StepOfRun(props: {
  step: MatrixStep;
  column: Column;
  isFirst: boolean;
  attributes: CellAttributes;
  onOpen: (run: string) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { step, column, trans } = props;
  const cell = column.cellOf.get(step.id);
  const first = props.isFirst || undefined;
  if (!cell) {
    return (
      <td
        role="gridcell"
        {...props.attributes}
        className="dl-Matrix-none"
        data-first={first}
        aria-label={trans.__('Not in this version')}
      />
    );
  }
  const { icon: Icon, tone } = phaseAppearance(cell.state);
  const text = textOfCell(cell, trans);
  const failed = cell.items?.failed ?? 0;
  return (
    <td role="gridcell" data-first={first}>
      <button
        type="button"
        {...props.attributes}
        className="dl-Matrix-open dl-State"
        data-state={cell.state}
        data-tone={tone}
        data-taken={isTakenOver(cell) || undefined}
        aria-label={`${step.title || step.id}: ${text}`}
        title={`${step.title || step.id}\n${text}`}
        // A fan-out has many records; the page of the run lists them.
        onClick={() => props.onOpen(cell.run_id ?? column.run.id)}
      >
        <Icon.react tag="span" className="dl-State-icon" />
        {failed > 0 && <span className="dl-Matrix-failed">{failed}</span>}
      </button>
    </td>
  );
}

function longestOf(columns: Column[]): number {
  return Math.max(
    1e-3,
    ...columns.map(
      ({ run }) => secondsBetween(run.started_at, run.finished_at) ?? 0
    )
  );
}

/** Return the place to which a key leads; null for other keys. */
function placeAfter(
  event: React.KeyboardEvent,
  from: Place,
  last: Place
): Place | null {
  const whole = event.ctrlKey || event.metaKey;
  const { row, column } = from;
  const target = {
    ArrowLeft: { row, column: column - 1 },
    ArrowRight: { row, column: column + 1 },
    ArrowUp: { row: row - 1, column },
    ArrowDown: { row: row + 1, column },
    Home: { row: whole ? 0 : row, column: 0 },
    End: { row: whole ? last.row : row, column: last.column },
    PageUp: { row: 0, column },
    PageDown: { row: last.row, column }
  }[event.key];
  return (
    (target && {
      row: clamp(target.row, last.row),
      column: clamp(target.column, last.column)
    }) ??
    null
  );
}

function clamp(value: number, most: number): number {
  return Math.min(most, Math.max(0, value));
}
