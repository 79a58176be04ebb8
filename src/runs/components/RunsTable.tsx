import { TranslationBundle } from '@jupyterlab/translation';
import { stopIcon } from '@jupyterlab/ui-components';
import React, { useRef } from 'react';

import type { RunSummary } from '../../api';
import { KindIcon } from '../../shared/components/KindIcon';
import { RunProgress } from '../../shared/components/RunProgress';
import { StateLabel } from '../../shared/components/StateLabel';
import { GapRow, Table } from '../../shared/components/Table';
import { RelativeTime, RunDuration } from '../../shared/components/Times';
import { rerunIcon } from '../../shared/icons';
import { canCancel, isTerminal } from '../../shared/runs';
import { useWindowed } from '../../shared/windowing';

const ROW_PX = 33;
const COLUMNS = 7;

export type RunActions = {
  isMine: (run: RunSummary) => boolean;
  mayChange: (run: RunSummary) => boolean;
  onOpen: (run: RunSummary) => void;
  onCancel: (run: RunSummary) => void;
  onRerun: (run: RunSummary) => void;
};

export function RunsTable(
  props: RunActions & { runs: RunSummary[]; trans: TranslationBundle }
): JSX.Element {
  const { trans } = props;
  const table = useRef<HTMLTableElement>(null);
  const shown = useWindowed(props.runs, table, '.dl-RunsList', ROW_PX);
  return (
    <Table
      table={table}
      className="dl-Table dl-RunsTable"
      aria-rowcount={props.runs.length + 1}
      columns={[
        trans.__('State'),
        trans.__('Job'),
        trans.__('Started'),
        trans.__('Duration'),
        trans.__('Who'),
        trans.__('Reason')
      ]}
      actions={trans.__('Actions')}
    >
      <GapRow height={shown.before} columns={COLUMNS} />
      {shown.items.map((run, at) => (
        <Row
          key={run.id}
          {...props}
          run={run}
          index={shown.first + at}
          measure={shown.measure}
        />
      ))}
      <GapRow height={shown.after} columns={COLUMNS} />
    </Table>
  );
}

/** A row. A click on the whole row opens the record; for the keyboard the name is a button that does. */
function Row(
  props: RunActions & {
    run: RunSummary;
    index: number;
    measure: (node: Element | null) => void;
    trans: TranslationBundle;
  }
): JSX.Element {
  const { run, trans } = props;
  return (
    <tr
      ref={props.measure}
      data-run={run.id}
      data-index={props.index}
      aria-rowindex={props.index + 2}
      onClick={() => props.onOpen(run)}
    >
      <td>
        <StateLabel run={run} trans={trans} />
      </td>
      <td className="dl-RunsTable-job">
        {run.kind !== 'notebook' && <KindIcon kind={run.kind} trans={trans} />}
        <button
          className="dl-Button dl-mod-link"
          title={run.job.path}
          onClick={event => act(event, () => props.onOpen(run))}
        >
          {run.job.name}
        </button>
        <span className="dl-mod-quiet">
          {trans.__('v%1', run.version.number)}
        </span>
      </td>
      <td>
        <RelativeTime
          instant={run.started_at ?? run.created_at}
          trans={trans}
        />
      </td>
      <td className="dl-mod-number">
        <RunDuration run={run} />
      </td>
      <td className="dl-RunsTable-who" title={run.created_by.name}>
        {props.isMine(run) ? trans.__('you') : run.created_by.name}
      </td>
      <td className="dl-RunsTable-reason" title={run.reason?.message}>
        {run.state === 'active' ? (
          <RunProgress run={run} trans={trans} />
        ) : (
          run.reason?.message
        )}
      </td>
      <td className="dl-RunsTable-actions">
        {!isTerminal(run) && (
          <button
            className="dl-Button dl-mod-icon"
            title={
              props.mayChange(run)
                ? trans.__('Cancel')
                : trans.__(
                    'Only %1 and administrators may cancel it',
                    run.created_by.name
                  )
            }
            aria-label={trans.__('Cancel %1', run.job.name)}
            disabled={!canCancel(run) || !props.mayChange(run)}
            onClick={event => act(event, () => props.onCancel(run))}
          >
            <stopIcon.react tag="span" />
          </button>
        )}
        {isTerminal(run) && (
          <button
            className="dl-Button dl-mod-icon"
            title={trans.__('Rerun')}
            aria-label={trans.__('Rerun %1', run.job.name)}
            onClick={event => act(event, () => props.onRerun(run))}
          >
            <rerunIcon.react tag="span" />
          </button>
        )}
      </td>
    </tr>
  );
}

function act(event: React.MouseEvent, action: () => void): void {
  event.stopPropagation();
  action();
}
