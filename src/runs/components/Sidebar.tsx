import { TranslationBundle } from '@jupyterlab/translation';
import React, { useRef } from 'react';

import type { RunSummary } from '../../api';
import { Notices } from '../../shared/components/Notices';
import { Trouble } from '../../shared/components/Trouble';
import { useSignal } from '../../shared/signals';
import { useWindowed } from '../../shared/windowing';
import { ScheduleRows } from '../../schedules/components/ScheduleRows';
import type { SchedulesModel } from '../../schedules/listModel';
import type { IRuns } from '../../tokens';
import type { ApprovalsModel } from '../approvalsModel';
import { Approvals } from './Approvals';
import { RunRow } from './RunRow';

const ROW_PX = 49;

export function Sidebar(props: {
  runs: IRuns;
  approvals: ApprovalsModel;
  schedules: SchedulesModel;
  onOpen: (run: RunSummary) => void;
  /** Open the record of a run that this page need not know. */
  onOpenId: (run: string) => void;
  onOpenAll: () => void;
  onOpenSchedule: (id: string) => void;
  onOpenSchedules: () => void;
  onAdministration: () => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { runs, trans } = props;
  const active = useSignal(runs.changed, () => runs.active);
  const recent = useSignal(runs.changed, () => runs.recent);
  const mayAdminister = useSignal(runs.changed, () => runs.mayAdminister);
  const approvals = useSignal(
    props.approvals.changed,
    () => props.approvals.state
  );
  const { schedules } = useSignal(
    props.schedules.changed,
    () => props.schedules.state
  );
  const trouble = useSignal(runs.changed, () => runs.trouble);
  if (trouble) {
    return (
      <Trouble
        problem={trouble}
        onRetry={() => void runs.retry()}
        trans={trans}
      />
    );
  }
  return (
    <>
      <Notices runs={runs} trans={trans} />
      <Approvals state={approvals} onOpen={props.onOpenId} trans={trans} />
      <section aria-labelledby="dl-sidebar-running">
        <h2 id="dl-sidebar-running">
          {trans.__('Running now')}
          <span className="dl-Count">{active.length || ''}</span>
        </h2>
        {active.length ? (
          <RunList {...props} items={active} />
        ) : (
          <p className="dl-Empty">
            {recent.length
              ? trans.__('Nothing is running.')
              : trans.__(
                  'Nothing has run yet. Open a notebook and press “Run as job” in its toolbar.'
                )}
          </p>
        )}
      </section>
      {recent.length > 0 && (
        <section aria-labelledby="dl-sidebar-recent">
          <h2 id="dl-sidebar-recent">{trans.__('Last runs')}</h2>
          <RunList {...props} items={recent} />
          <button className="dl-Button dl-mod-link" onClick={props.onOpenAll}>
            {trans.__('Show all runs')}
          </button>
        </section>
      )}
      <ScheduleRows
        id="dl-sidebar"
        title={trans.__('Schedules')}
        schedules={schedules}
        onOpen={props.onOpenSchedule}
        onOpenAll={props.onOpenSchedules}
        trans={trans}
      />
      {mayAdminister && (
        <p className="dl-Sidebar-foot">
          <button
            className="dl-Button dl-mod-link"
            onClick={props.onAdministration}
          >
            {trans.__('Administration')}
          </button>
        </p>
      )}
    </>
  );
}

function RunList(props: {
  items: readonly RunSummary[];
  onOpen: (run: RunSummary) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const list = useRef<HTMLUListElement>(null);
  const shown = useWindowed(props.items, list, '.dl-Sidebar', ROW_PX);
  return (
    <ul
      ref={list}
      className="dl-RunList"
      style={{ paddingTop: shown.before, paddingBottom: shown.after }}
    >
      {shown.items.map((run, at) => (
        <RunRow
          key={run.id}
          run={run}
          index={shown.first + at}
          measure={shown.measure}
          onOpen={props.onOpen}
          trans={props.trans}
        />
      ))}
    </ul>
  );
}
