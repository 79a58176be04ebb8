import { caretDownIcon, caretUpIcon } from '@jupyterlab/ui-components';
import React from 'react';

/** The head of a column that sorts the table. */
export type SortedColumn = {
  id: string;
  name: string;
  /** True for a column of numbers, which stand at its right. */
  isNumber: boolean;
  sort: 'ascending' | 'descending' | 'none';
  onSort: () => void;
};

/** A table with a head. `actions` names the last column, of buttons, for people who do not see them. */
export function Table(
  props: React.TableHTMLAttributes<HTMLTableElement> & {
    columns: (string | SortedColumn)[];
    actions?: string;
    table?: React.Ref<HTMLTableElement>;
  }
): JSX.Element {
  const { columns, actions, table, children, ...attributes } = props;
  return (
    <table ref={table} className="dl-Table" {...attributes}>
      <thead>
        <tr>
          {columns.map(column =>
            typeof column === 'string' ? (
              <th key={column} scope="col">
                {column}
              </th>
            ) : (
              <SortedHead key={column.id} {...column} />
            )
          )}
          {actions !== undefined && (
            <th scope="col">
              <span className="dl-mod-hidden">{actions}</span>
            </th>
          )}
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  );
}

function SortedHead(props: SortedColumn): JSX.Element {
  const { name, isNumber, sort, onSort } = props;
  const Caret = sort === 'descending' ? caretDownIcon : caretUpIcon;
  return (
    <th
      scope="col"
      aria-sort={sort}
      className={isNumber ? 'dl-mod-number' : undefined}
    >
      <button type="button" className="dl-Button dl-mod-head" onClick={onSort}>
        {name}
        {sort !== 'none' && <Caret.react tag="span" className="dl-Caret" />}
      </button>
    </th>
  );
}

/** The cell with the button that opens its row. */
export function NameCell(props: {
  name: string;
  description: string;
  onOpen: () => void;
  /** Shown beside the name. */
  children?: React.ReactNode;
}): JSX.Element {
  return (
    <td>
      <button className="dl-Button dl-mod-link" onClick={props.onOpen}>
        {props.name}
      </button>{' '}
      {props.children}
      {props.description && (
        <div className="dl-mod-quiet">{props.description}</div>
      )}
    </td>
  );
}

/** An empty row with the height of the rows that are not in view. */
export function GapRow(props: {
  height: number;
  columns: number;
}): JSX.Element | null {
  return props.height > 0 ? (
    <tr aria-hidden="true" className="dl-mod-gap">
      <td style={{ height: props.height }} colSpan={props.columns} />
    </tr>
  ) : null;
}
