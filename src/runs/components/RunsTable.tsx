import { TranslationBundle } from '@jupyterlab/translation';
import { stopIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { Run } from '../../api';
import { RunProgress } from '../../shared/components/RunProgress';
import { StateLabel } from '../../shared/components/StateLabel';
import { Table } from '../../shared/components/Table';
import { RelativeTime, RunDuration } from '../../shared/components/Times';
import { rerunIcon } from '../../shared/icons';
import { canCancel, isTerminal } from '../../shared/runs';

export type RunActions = {
  isMine: (run: Run) => boolean;
  mayChange: (run: Run) => boolean;
  onOpen: (run: Run) => void;
  onCancel: (run: Run) => void;
  onRerun: (run: Run) => void;
};

export function RunsTable(
  props: RunActions & { runs: Run[]; trans: TranslationBundle }
): JSX.Element {
  const { trans } = props;
  return (
    <Table
      className="dl-Table dl-RunsTable"
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
      {props.runs.map(run => (
        <Row key={run.id} {...props} run={run} />
      ))}
    </Table>
  );
}

/** The whole row opens the record by mouse; by keyboard the name does, which is a button. */
function Row(
  props: RunActions & { run: Run; trans: TranslationBundle }
): JSX.Element {
  const { run, trans } = props;
  return (
    <tr data-run={run.id} onClick={() => props.onOpen(run)}>
      <td>
        <StateLabel run={run} trans={trans} />
      </td>
      <td className="dl-RunsTable-job">
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
          <RunProgress progress={run.progress} trans={trans} />
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
