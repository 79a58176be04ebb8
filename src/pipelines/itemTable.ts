import type { Item, ItemTable, JSONValue } from '../api';

/** A column: the key, state or duration of an item, one of its parameters, or one of the values that it recorded. */
export type Column =
  | { kind: 'key' | 'state' | 'duration' }
  | { kind: 'parameter' | 'value'; name: string };

export type Order = { column: Column; descending: boolean };

export function isSameColumn(a: Column, b: Column): boolean {
  return columnId(a) === columnId(b);
}

export function columnId(column: Column): string {
  return 'name' in column ? `${column.kind} ${column.name}` : column.kind;
}

/** Return the columns of the table. The key stands for the parameters where these do not differ. */
export function columnsOf(table: ItemTable): Column[] {
  const parameters: Column[] = table.parameters.map(name => ({
    kind: 'parameter',
    name
  }));
  const values: Column[] = table.values.map(name => ({ kind: 'value', name }));
  return [
    ...(parameters.length ? parameters : [{ kind: 'key' } as Column]),
    ...values,
    { kind: 'state' },
    { kind: 'duration' }
  ];
}

/** Return what an item has in a column; null for nothing. `now` is in milliseconds. */
export function cellOf(item: Item, column: Column, now: number): JSONValue {
  switch (column.kind) {
    case 'key':
      return item.key;
    case 'state':
      return item.phase;
    case 'duration':
      return secondsOfItem(item, now);
    case 'parameter':
      return item.parameters[column.name] ?? null;
    case 'value':
      return item.values[column.name] ?? null;
  }
}

/** Return the seconds that an item has worked, or null before it starts. */
export function secondsOfItem(item: Item, now: number): number | null {
  if (!item.started_at) {
    return null;
  }
  const end = item.finished_at ? Date.parse(item.finished_at) : now;
  return Math.max(0, (end - Date.parse(item.started_at)) / 1000);
}

/** Sort the items. Those that have nothing in the column come last, whichever way it is sorted. */
export function sortItems(
  items: readonly Item[],
  { column, descending }: Order,
  now: number
): Item[] {
  const cells = new Map(items.map(item => [item, cellOf(item, column, now)]));
  const found = items.filter(item => cells.get(item) !== null);
  const missing = items.filter(item => cells.get(item) === null);
  const sign = descending ? -1 : 1;
  found.sort((a, b) => sign * compare(cells.get(a)!, cells.get(b)!));
  return [...found, ...missing];
}

/** Compare numbers as numbers, and all other values as texts after them. */
function compare(a: JSONValue, b: JSONValue): number {
  if (typeof a === 'number' && typeof b === 'number') {
    return a - b;
  }
  if (typeof a === 'number' || typeof b === 'number') {
    return typeof a === 'number' ? -1 : 1;
  }
  return textOf(a).localeCompare(textOf(b), undefined, { numeric: true });
}

function textOf(value: JSONValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Write the items as CSV: key, state, run and seconds, then parameters and values. */
export function csvOf(
  table: ItemTable,
  items: readonly Item[],
  now: number
): string {
  const named: Column[] = columnsOf(table).filter(column => 'name' in column);
  const names = [...table.parameters, ...table.values];
  const rows = items.map(item => [
    item.key,
    item.phase,
    item.run_id,
    secondsOfItem(item, now),
    ...named.map(column => cellOf(item, column, now))
  ]);
  return [['item', 'state', 'run', 'seconds', ...names], ...rows]
    .map(row => row.map(cellOfCsv).join(',') + '\r\n')
    .join('');
}

function cellOfCsv(value: JSONValue): string {
  if (value === null) {
    return '';
  }
  if (typeof value !== 'string') {
    return JSON.stringify(value);
  }
  // No spreadsheet may take the text of a notebook for a formula.
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}
