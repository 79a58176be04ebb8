import { TranslationBundle } from '@jupyterlab/translation';
import { runIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { Schedule } from '../../api';
import { StateLabel } from '../../shared/components/StateLabel';
import { NameCell, Table } from '../../shared/components/Table';
import { RelativeTime } from '../../shared/components/Times';
import { foreseenWords } from '../states';
import type { Words } from '../words';
import { ScheduleLabel } from './ScheduleLabel';

export type ScheduleActions = {
  onOpen: (schedule: Schedule) => void;
  onRunNow: (schedule: Schedule) => void;
  onTakeOver: (schedule: Schedule) => void;
  onPause: (schedule: Schedule) => void;
  onResume: (schedule: Schedule) => void;
};

/** Schedules with their state, their words, their next and their last run. */
export function SchedulesTable(
  props: ScheduleActions & {
    schedules: readonly Schedule[];
    words: Words;
    trans: TranslationBundle;
  }
): JSX.Element {
  const { trans } = props;
  return (
    <Table
      className="dl-Table dl-SchedulesTable"
      columns={[
        trans.__('State'),
        trans.__('Schedule'),
        trans.__('Next run'),
        trans.__('Last run'),
        trans.__('Where'),
        trans.__('Owner')
      ]}
      actions={trans.__('Actions')}
    >
      {props.schedules.map(schedule => (
        <Row key={schedule.id} {...props} schedule={schedule} />
      ))}
    </Table>
  );
}

function Row(
  props: ScheduleActions & {
    schedule: Schedule;
    words: Words;
    trans: TranslationBundle;
  }
): JSX.Element {
  const { schedule, trans } = props;
  const { name, next_at: next, last_run: run, pause } = schedule;
  return (
    <tr data-schedule={name}>
      <td>
        <ScheduleLabel schedule={schedule} trans={trans} />
      </td>
      <NameCell
        name={name}
        description={
          schedule.orphaned ??
          schedule.refusal ??
          (schedule.foreseen_late_s === null
            ? null
            : foreseenWords(schedule.foreseen_late_s, trans)) ??
          props.words(schedule.rule, schedule.timezone)
        }
        onOpen={() => props.onOpen(schedule)}
      />
      <td>{next ? <RelativeTime instant={next} trans={trans} /> : '–'}</td>
      <td>
        {run ? (
          <>
            <StateLabel run={run} trans={trans} />{' '}
            <span className="dl-mod-quiet">
              <RelativeTime instant={run.created_at} trans={trans} />
            </span>
          </>
        ) : (
          '–'
        )}
      </td>
      <td>{schedule.environment}</td>
      <td>{schedule.owner.name}</td>
      <td className="dl-mod-actions">
        {schedule.orphaned !== null && (
          <button
            className="dl-Button"
            aria-label={trans.__('Take over %1', name)}
            onClick={() => props.onTakeOver(schedule)}
          >
            {trans.__('Take over')}
          </button>
        )}
        <button
          className="dl-Button"
          aria-label={trans.__('Run %1 now', name)}
          onClick={() => props.onRunNow(schedule)}
        >
          <runIcon.react tag="span" aria-hidden />
          {trans.__('Run now')}
        </button>
        <button
          className="dl-Button"
          aria-label={
            pause ? trans.__('Resume %1', name) : trans.__('Pause %1', name)
          }
          onClick={() =>
            pause ? props.onResume(schedule) : props.onPause(schedule)
          }
        >
          {pause ? trans.__('Resume') : trans.__('Pause')}
        </button>
      </td>
    </tr>
  );
}
