import React from 'react';

/** A table with a head. `actions` names the last column, of buttons, for people who do not see them. */
export function Table(
  props: React.TableHTMLAttributes<HTMLTableElement> & {
    columns: string[];
    actions?: string;
    table?: React.Ref<HTMLTableElement>;
  }
): JSX.Element {
  const { columns, actions, table, children, ...attributes } = props;
  return (
    <table ref={table} className="dl-Table" {...attributes}>
      <thead>
        <tr>
          {columns.map(column => (
            <th key={column} scope="col">
              {column}
            </th>
          ))}
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
