import { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect } from '@jupyterlab/ui-components';
import React from 'react';

import type { Tick } from '../../api';
import { Table } from '../../shared/components/Table';
import { foreseenWords, labelOfTick, TICK_STATES } from '../states';
import { localOf } from '../zones';
import { TickLabel } from './ScheduleLabel';

/** The fate of each start of a schedule, newest first, and why. */
export function DecisionLog(props: {
  ticks: readonly Tick[];
  timezone: string;
  filter: string;
  hasMore: boolean;
  onFilter: (state: string) => void;
  onMore: () => void;
  onOpenRun: (run: string) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { ticks, trans } = props;
  const hasPresets = ticks.some(tick => tick.preset);
  return (
    <section aria-labelledby="dl-decision-log">
      <h2 id="dl-decision-log">{trans.__('Decision log')}</h2>
      <div className="dl-FilterBar">
        <HTMLSelect
          aria-label={trans.__('Filter the log by state')}
          value={props.filter}
          onChange={event => props.onFilter(event.target.value)}
        >
          <option value="">{trans.__('All states')}</option>
          {(Object.keys(TICK_STATES) as Tick['state'][]).map(state => (
            <option key={state} value={state}>
              {labelOfTick(state, trans)}
            </option>
          ))}
        </HTMLSelect>
      </div>
      {ticks.length ? (
        <Table
          className="dl-Table dl-DecisionLog"
          columns={[
            trans.__('State'),
            trans.__('Time, %1', props.timezone),
            ...(hasPresets ? [trans.__('Preset')] : []),
            trans.__('Cause'),
            trans.__('Reason'),
            trans.__('Run')
          ]}
        >
          {ticks.map(tick => (
            <tr key={tick.id}>
              <td>
                <TickLabel tick={tick} trans={trans} />
              </td>
              <td>
                <time dateTime={tick.nominal}>
                  {localOf(tick.nominal, props.timezone).replace('T', ' ')}
                </time>
                {tick.count > 1 && (
                  <span className="dl-mod-quiet">
                    {' '}
                    {trans._n('%1 start', '%1 starts', tick.count)}
                  </span>
                )}
              </td>
              {hasPresets && <td>{tick.preset}</td>}
              <td>{labelOfKind(tick.kind, trans)}</td>
              <td className="dl-mod-break">
                {tick.foreseen_late_s !== null &&
                  `${foreseenWords(tick.foreseen_late_s, trans)} `}
                {tick.reason?.message}
              </td>
              <td>
                {tick.run_id && (
                  <RunLink
                    label={trans.__('Open run')}
                    onOpen={() => props.onOpenRun(tick.run_id!)}
                  />
                )}{' '}
                {tick.other_run_id && (
                  <RunLink
                    label={trans.__('Open the run in the way')}
                    onOpen={() => props.onOpenRun(tick.other_run_id!)}
                  />
                )}
              </td>
            </tr>
          ))}
        </Table>
      ) : (
        <p className="dl-Empty">
          {props.filter
            ? trans.__('No row has this state.')
            : trans.__('Nothing has started yet.')}
        </p>
      )}
      {props.hasMore && (
        <button className="dl-Button" onClick={props.onMore}>
          {trans.__('Load more')}
        </button>
      )}
    </section>
  );
}

function RunLink(props: { label: string; onOpen: () => void }): JSX.Element {
  return (
    <button className="dl-Button dl-mod-link" onClick={props.onOpen}>
      {props.label}
    </button>
  );
}

function labelOfKind(kind: Tick['kind'], trans: TranslationBundle): string {
  return {
    time: trans.__('clock'),
    manual: trans.__('run now'),
    job: trans.__('another job'),
    files: trans.__('files'),
    webhook: trans.__('webhook'),
    backfill: trans.__('backfill')
  }[kind];
}
