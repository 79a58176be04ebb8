import { TranslationBundle } from '@jupyterlab/translation';
import { LabIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { BackfillCell } from '../../api';
import {
  failedIcon,
  queuedIcon,
  runningStateIcon,
  succeededIcon
} from '../../shared/icons';
import type { Tone } from '../../shared/phases';
import { localOf } from '../zones';

const STATES: {
  [state in BackfillCell['state']]: { icon: LabIcon; tone: Tone };
} = {
  missing: { icon: queuedIcon, tone: 'neutral' },
  running: { icon: runningStateIcon, tone: 'busy' },
  failed: { icon: failedIcon, tone: 'bad' },
  done: { icon: succeededIcon, tone: 'good' }
};

/** The starts of the span as rows, and a column for each preset: the state of each, and whether it would run. */
export function BackfillGrid(props: {
  cells: readonly BackfillCell[];
  timezone: string;
  trans: TranslationBundle;
}): JSX.Element {
  const { cells, timezone, trans } = props;
  const presets = [...new Set(cells.map(cell => cell.preset))];
  const rows = new Map<string, Map<string, BackfillCell>>();
  for (const cell of cells) {
    const row = rows.get(cell.nominal) ?? new Map<string, BackfillCell>();
    rows.set(cell.nominal, row.set(cell.preset, cell));
  }
  return (
    <div
      className="dl-BackfillGrid"
      role="region"
      aria-label={trans.__('Starts of the span')}
      // People without a mouse scroll it.
      tabIndex={0}
    >
      <table className="dl-Table">
        <thead>
          <tr>
            <th scope="col">{trans.__('Time, %1', timezone)}</th>
            {presets.map(preset => (
              <th key={preset} scope="col">
                {preset || trans.__('State')}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {[...rows].map(([nominal, row]) => (
            <tr key={nominal}>
              <th scope="row">
                <time dateTime={nominal}>
                  {localOf(nominal, timezone).replace('T', ' ')}
                </time>
              </th>
              {presets.map(preset => (
                <Cell key={preset} cell={row.get(preset)} trans={trans} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Cell(props: {
  cell: BackfillCell | undefined;
  trans: TranslationBundle;
}): JSX.Element {
  const { cell, trans } = props;
  if (!cell) {
    return <td>–</td>;
  }
  const { icon: Icon, tone } = STATES[cell.state];
  const label = {
    missing: trans.__('Missing'),
    running: trans.__('Running'),
    failed: trans.__('Failed'),
    done: trans.__('Done')
  }[cell.state];
  return (
    <td data-state={cell.state} data-runs={cell.runs || undefined}>
      <span className="dl-State" data-state={cell.state} data-tone={tone}>
        <Icon.react tag="span" className="dl-State-icon" />
        <span className="dl-State-text">{label}</span>
      </span>
      {cell.runs && (
        <span className="dl-BackfillGrid-runs">{trans.__('will run')}</span>
      )}
    </td>
  );
}
