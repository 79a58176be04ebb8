import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Schedule } from '../../api';
import { StateLabel } from '../../shared/components/StateLabel';
import { RelativeTime } from '../../shared/components/Times';
import { needsSomebody } from '../states';
import { ScheduleLabel } from './ScheduleLabel';

const MOST_ROWS = 7;

/**
 * A section with a few schedules: those that need somebody first, then those that start next. It is not there when
 * there is none.
 */
export function ScheduleRows(props: {
  /** The beginning of the id of the heading. */
  id: string;
  title: string;
  schedules: readonly Schedule[];
  onOpen: (id: string) => void;
  onOpenAll: () => void;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { schedules, trans } = props;
  if (!schedules.length) {
    return null;
  }
  const shown = [...schedules].sort(inOrder).slice(0, MOST_ROWS);
  const heading = `${props.id}-schedules`;
  return (
    <section aria-labelledby={heading}>
      <h2 id={heading}>
        {props.title}
        <span className="dl-Count">{schedules.length}</span>
      </h2>
      <ul className="dl-RunList">
        {shown.map(schedule => (
          <Row key={schedule.id} {...props} schedule={schedule} />
        ))}
      </ul>
      <button
        type="button"
        className="dl-Button dl-mod-link"
        onClick={props.onOpenAll}
      >
        {trans.__('Show all schedules')}
      </button>
    </section>
  );
}

function Row(props: {
  schedule: Schedule;
  onOpen: (id: string) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { schedule, trans } = props;
  const { next_at: next, last_run: run } = schedule;
  return (
    <li className="dl-RunRow">
      <button
        type="button"
        className="dl-RunRow-open"
        title={schedule.orphaned ?? schedule.refusal ?? undefined}
        onClick={() => props.onOpen(schedule.id)}
      >
        <span className="dl-RunRow-name">{schedule.name}</span>
        <ScheduleLabel schedule={schedule} trans={trans} />
        <span className="dl-RunRow-details">
          <span>
            {next && (
              <>
                {trans.__('next')} <RelativeTime instant={next} trans={trans} />
              </>
            )}
          </span>
          {run && <StateLabel run={run} trans={trans} />}
        </span>
      </button>
    </li>
  );
}

function inOrder(a: Schedule, b: Schedule): number {
  const urgency = Number(needsSomebody(b)) - Number(needsSomebody(a));
  // A schedule without a next start comes last.
  return urgency || (a.next_at ?? '~').localeCompare(b.next_at ?? '~');
}
