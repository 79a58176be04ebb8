import { TranslationBundle } from '@jupyterlab/translation';
import React, { useMemo, useRef, useState } from 'react';

import type { Item, ItemTable as Table_, JSONValue } from '../../api';
import { useNow } from '../../shared/clock';
import { Check } from '../../shared/components/Check';
import { PhaseLabel } from '../../shared/components/StateLabel';
import { GapRow, Table } from '../../shared/components/Table';
import { Trouble } from '../../shared/components/Trouble';
import { downloadText } from '../../shared/download';
import { formatDuration } from '../../shared/format';
import { useWindowed } from '../../shared/windowing';
import {
  cellOf,
  Column,
  columnId,
  columnsOf,
  csvOf,
  isSameColumn,
  Order,
  secondsOfItem,
  sortItems
} from '../itemTable';
import type { ItemTableState } from '../itemTableModel';

const ROW_PX = 29;

const FAILED: ReadonlySet<string> = new Set([
  'failed',
  'timed_out',
  'lost',
  'cancelled'
]);
const WORKING: ReadonlySet<string> = new Set([
  'starting',
  'running',
  'finishing',
  'cancelling'
]);

/** The items of a fan-out, or the points of a sweep: parameters and values of each, sorted as the reader likes. */
export function ItemTable(props: {
  state: ItemTableState;
  /** A name for the table, and for the file that is saved. */
  label: string;
  fileName: string;
  onOpen: (run: string) => void;
  onRetry: () => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { state, trans } = props;
  const { table, trouble } = state;
  return (
    <div className="dl-Items">
      {trouble && (
        <Trouble problem={trouble} onRetry={props.onRetry} trans={trans} />
      )}
      {table ? (
        <Sorted {...props} table={table} />
      ) : (
        !trouble && <p className="dl-Empty">{trans.__('Loading…')}</p>
      )}
    </div>
  );
}

function Sorted(
  props: Parameters<typeof ItemTable>[0] & { table: Table_ }
): JSX.Element {
  const { table, trans } = props;
  const [order, setOrder] = useState<Order | null>(null);
  const [onlyFailed, setOnlyFailed] = useState(false);
  const isLive = table.items.some(item => WORKING.has(item.phase));
  const now = useNow(isLive);
  const columns = useMemo(() => columnsOf(table), [table]);
  const numeric = useMemo(
    () => new Set(columns.filter(column => isNumeric(table, column))),
    [table, columns]
  );
  // The rows stay where they are while durations grow, unless these sort them.
  const sortedAt = order?.column.kind === 'duration' ? now : 0;
  const items = useMemo(() => {
    const wanted = onlyFailed
      ? table.items.filter(item => FAILED.has(item.phase))
      : table.items;
    const sorted = order ? sortItems(wanted, order, sortedAt) : wanted;
    return sorted.map(item => ({ ...item, id: item.key }));
  }, [table, order, onlyFailed, sortedAt]);
  const element = useRef<HTMLTableElement>(null);
  const shown = useWindowed(items, element, '.dl-Items-scroller', ROW_PX);
  const hasReasons = items.some(item => item.reason);
  const onSort = (column: Column) =>
    setOrder(before =>
      before && isSameColumn(before.column, column)
        ? { column, descending: !before.descending }
        : { column, descending: false }
    );
  const heads = columns.map((column, place) => ({
    id: columnId(column),
    name: nameOf(column, trans),
    // The first cell of a row is its button, and stands at the left.
    isNumber: place > 0 && numeric.has(column),
    sort:
      order && isSameColumn(order.column, column)
        ? order.descending
          ? ('descending' as const)
          : ('ascending' as const)
        : ('none' as const),
    onSort: () => onSort(column)
  }));
  const width = columns.length + (hasReasons ? 1 : 0);
  return (
    <>
      <div className="dl-Items-bar">
        <Check
          label={trans.__('Failed only')}
          checked={onlyFailed}
          disabled={false}
          onChange={setOnlyFailed}
        />
        <button
          type="button"
          className="dl-Button"
          disabled={!items.length}
          onClick={() =>
            downloadText(csvOf(table, items, now), props.fileName, 'text/csv')
          }
        >
          {trans.__('Download CSV')}
        </button>
      </div>
      {items.length > 0 ? (
        <div className="dl-Items-scroller">
          <Table
            table={element}
            aria-label={props.label}
            aria-rowcount={items.length + 1}
            columns={hasReasons ? [...heads, trans.__('Reason')] : heads}
          >
            <GapRow height={shown.before} columns={width} />
            {shown.items.map((item, at) => (
              <tr
                key={item.key}
                ref={shown.measure}
                data-item={item.key}
                data-index={shown.first + at}
                aria-rowindex={shown.first + at + 2}
              >
                {columns.map((column, place) =>
                  place === 0 ? (
                    <th key={columnId(column)} scope="row">
                      <Opener {...props} item={item} column={column} />
                    </th>
                  ) : (
                    <Cell
                      key={columnId(column)}
                      item={item}
                      column={column}
                      isNumber={numeric.has(column)}
                      now={now}
                      trans={trans}
                    />
                  )
                )}
                {hasReasons && (
                  <td className="dl-mod-break">{item.reason?.message}</td>
                )}
              </tr>
            ))}
            <GapRow height={shown.after} columns={width} />
          </Table>
        </div>
      ) : (
        <p className="dl-Empty">
          {onlyFailed
            ? trans.__('No item failed.')
            : trans.__('There are no items.')}
        </p>
      )}
    </>
  );
}

/** The first cell of a row. It opens the record of the item's run, once there is one. */
function Opener(props: {
  item: Item;
  column: Column;
  onOpen: (run: string) => void;
}): JSX.Element {
  const { item, column } = props;
  const text = formatCell(cellOf(item, column, 0)) || '–';
  const { run_id } = item;
  return run_id === null ? (
    <span title={item.key}>{text}</span>
  ) : (
    <button
      type="button"
      className="dl-Button dl-mod-link"
      title={item.key}
      aria-label={item.key}
      onClick={() => props.onOpen(run_id)}
    >
      {text}
    </button>
  );
}

function Cell(props: {
  item: Item;
  column: Column;
  isNumber: boolean;
  now: number;
  trans: TranslationBundle;
}): JSX.Element {
  const { item, column, isNumber, now, trans } = props;
  if (column.kind === 'state') {
    return (
      <td>
        <PhaseLabel phase={item.phase} trans={trans} />
      </td>
    );
  }
  if (column.kind === 'duration') {
    const seconds = secondsOfItem(item, now);
    const isOver = item.finished_at !== null;
    return (
      <td className="dl-mod-number">
        {seconds !== null &&
          formatDuration(isOver ? seconds : Math.floor(seconds))}
      </td>
    );
  }
  const value = cellOf(item, column, now);
  return (
    <td className={isNumber ? 'dl-mod-number' : undefined}>
      {formatCell(value)}
    </td>
  );
}

function isNumeric(table: Table_, column: Column): boolean {
  if (column.kind === 'duration') {
    return true;
  }
  const cells = table.items
    .map(item => cellOf(item, column, 0))
    .filter(cell => cell !== null);
  return cells.length > 0 && cells.every(cell => typeof cell === 'number');
}

function formatCell(value: JSONValue): string {
  if (value === null) {
    return '';
  }
  if (typeof value === 'number' && !Number.isInteger(value)) {
    return String(Number(value.toPrecision(6)));
  }
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function nameOf(column: Column, trans: TranslationBundle): string {
  switch (column.kind) {
    case 'key':
      return trans.__('Item');
    case 'state':
      return trans.__('State');
    case 'duration':
      return trans.__('Duration');
    default:
      return column.name;
  }
}
