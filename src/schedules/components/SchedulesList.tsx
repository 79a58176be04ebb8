import { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect } from '@jupyterlab/ui-components';
import React, { useState } from 'react';

import { Trouble } from '../../shared/components/Trouble';
import type { SchedulesState } from '../listModel';
import {
  labelOfSchedule,
  needsSomebody,
  ScheduleState,
  stateOf
} from '../states';
import type { Words } from '../words';
import { ScheduleActions, SchedulesTable } from './SchedulesTable';

const STATES: ScheduleState[] = [
  'active',
  'paused',
  'late',
  'foreseen',
  'refused',
  'orphaned',
  'ended'
];

/** All schedules, with filters. Those that need somebody come first. */
export function SchedulesList(
  props: ScheduleActions & {
    state: SchedulesState;
    words: Words;
    onCalendar: () => void;
    onImport: () => void;
    onRetry: () => void;
    trans: TranslationBundle;
  }
): JSX.Element {
  const { state, trans } = props;
  const [text, setText] = useState('');
  const [chosen, setChosen] = useState('');
  const needle = text.trim().toLowerCase();
  const shown = state.schedules
    .filter(schedule => !chosen || stateOf(schedule) === chosen)
    .filter(({ name, job_name: job }) =>
      `${name} ${job}`.toLowerCase().includes(needle)
    );
  const sorted = [...shown].sort(
    (a, b) => Number(needsSomebody(b)) - Number(needsSomebody(a))
  );
  return (
    <>
      <div className="dl-FilterBar" role="search">
        <input
          type="search"
          className="jp-mod-styled"
          placeholder={trans.__('Filter by name')}
          aria-label={trans.__('Filter schedules by name')}
          value={text}
          onChange={event => setText(event.target.value)}
        />
        <HTMLSelect
          aria-label={trans.__('Filter schedules by state')}
          value={chosen}
          onChange={event => setChosen(event.target.value)}
        >
          <option value="">{trans.__('All states')}</option>
          {STATES.map(name => (
            <option key={name} value={name}>
              {labelOfSchedule(name, trans)}
            </option>
          ))}
        </HTMLSelect>
        <span className="dl-FilterBar-end">
          <button
            type="button"
            className="dl-Button"
            onClick={props.onCalendar}
          >
            {trans.__('Calendar')}
          </button>
          <button type="button" className="dl-Button" onClick={props.onImport}>
            {trans.__('Import…')}
          </button>
        </span>
      </div>
      {state.trouble && (
        <Trouble
          problem={state.trouble}
          onRetry={props.onRetry}
          trans={trans}
        />
      )}
      {sorted.length > 0 && <SchedulesTable {...props} schedules={sorted} />}
      {state.isRead && !sorted.length && (
        <p className="dl-Empty">
          {state.schedules.length
            ? trans.__('No schedule fits the filter.')
            : trans.__(
                'Nothing is scheduled yet. Open the form “Run as job” of a notebook and press “Schedule…”.'
              )}
        </p>
      )}
    </>
  );
}
