import { TranslationBundle } from '@jupyterlab/translation';
import React, { useRef } from 'react';

import { Table } from '../../shared/components/Table';

/** Rows that a person fills in, removes and adds. */
export function EditableRows<Row>(props: {
  rows: Row[];
  columns: string[];
  /** The cells of a row, without the last one, whose button removes the row. */
  cells: (
    row: Row,
    change: (part: Partial<Row>) => void,
    index: number
  ) => React.ReactNode;
  /** The row that the button adds; `add` is the text of the button. */
  newRow: Row;
  add: string;
  disabled: boolean;
  /** Shown between the rows and the button. */
  children?: React.ReactNode;
  onChange: (rows: Row[]) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { rows, disabled, onChange, trans } = props;
  const add = useRef<HTMLButtonElement>(null);
  const changeRow = (index: number, part: Partial<Row>) =>
    rows.map((row, rowIndex) =>
      rowIndex === index ? { ...row, ...part } : row
    );
  return (
    <>
      {rows.length > 0 && (
        <Table
          className="dl-Table dl-mod-fields"
          columns={props.columns}
          actions={trans.__('Actions')}
        >
          {rows.map((row, index) => (
            <tr key={index}>
              {props.cells(
                row,
                part => onChange(changeRow(index, part)),
                index
              )}
              <td>
                <button
                  type="button"
                  className="dl-Button dl-mod-link"
                  disabled={disabled}
                  onClick={() => {
                    onChange(rows.filter((_, rowIndex) => rowIndex !== index));
                    // This button disappears, so the focus of the keyboard moves to the other button.
                    add.current?.focus();
                  }}
                >
                  {trans.__('Leave out')}
                </button>
              </td>
            </tr>
          ))}
        </Table>
      )}
      {props.children}
      <button
        ref={add}
        type="button"
        className="dl-Button"
        disabled={disabled}
        onClick={() => onChange([...rows, props.newRow])}
      >
        {props.add}
      </button>
    </>
  );
}
