import { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect } from '@jupyterlab/ui-components';
import React from 'react';

import { Message } from '../../shared/components/Message';
import { Trouble } from '../../shared/components/Trouble';
import { CalendarView, Day, dayOf, keyOf } from '../calendarDays';
import {
  byDay,
  ENTRY_STATES,
  Entry,
  EntryFilter,
  EntryState,
  labelOfEntry,
  passes,
  TROUBLED
} from '../calendarEntries';
import type { CalendarState } from '../calendarModel';
import { ownZone } from '../zones';
import { DayAgenda } from './DayAgenda';
import { MonthGrid } from './MonthGrid';

const MOST_OF_A_SCHEDULE = 3;

export type CalendarActions = {
  onView: (view: CalendarView) => void;
  onMove: (steps: number) => void;
  onChoose: (day: Day) => void;
  onFilter: (filter: Partial<EntryFilter>) => void;
  onOpen: (entry: Entry) => void;
  onRetry: () => void;
};

/** The past and coming starts of all schedules: a month with the starts of one day beside it, or a week. */
export function CalendarPage(
  props: CalendarActions & { state: CalendarState; trans: TranslationBundle }
): JSX.Element {
  const { state, trans } = props;
  const shown = state.entries.filter(entry => passes(entry, state.filter));
  const entries = byDay(shown, MOST_OF_A_SCHEDULE);
  const agenda = state.view === 'week' ? state.days : [state.day];
  return (
    <>
      <Toolbar {...props} />
      <Filters {...props} />
      {state.trouble && (
        <Trouble
          problem={state.trouble}
          onRetry={props.onRetry}
          trans={trans}
        />
      )}
      {!state.isComplete && (
        <Message
          kind="warning"
          title={trans.__(
            'There are more starts than are shown. Choose a week to see more of them.'
          )}
        />
      )}
      <p className="dl-mod-quiet" aria-live="polite">
        {state.isRead ? countOf(shown, trans) : trans.__('Loading…')}
      </p>
      <div className="dl-Calendar-body" data-view={state.view}>
        {state.view === 'month' && (
          <MonthGrid
            days={state.days}
            chosen={state.day}
            entries={entries}
            onChoose={props.onChoose}
            onMove={props.onMove}
            onOpen={props.onOpen}
            trans={trans}
          />
        )}
        <div className="dl-Calendar-agenda">
          {agenda.map(day => (
            <DayAgenda
              key={keyOf(day)}
              day={day}
              entries={entries.get(keyOf(day)) ?? []}
              onOpen={props.onOpen}
              trans={trans}
            />
          ))}
        </div>
      </div>
    </>
  );
}

function Toolbar(
  props: CalendarActions & { state: CalendarState; trans: TranslationBundle }
): JSX.Element {
  const { state, trans } = props;
  const isMonth = state.view === 'month';
  return (
    <div className="dl-Calendar-head">
      <h1>{titleOf(state)}</h1>
      <button
        type="button"
        className="dl-Button"
        aria-label={isMonth ? trans.__('Last month') : trans.__('Last week')}
        onClick={() => props.onMove(-1)}
      >
        ‹
      </button>
      <button
        type="button"
        className="dl-Button"
        onClick={() => props.onChoose(dayOf(Date.now()))}
      >
        {trans.__('Today')}
      </button>
      <button
        type="button"
        className="dl-Button"
        aria-label={isMonth ? trans.__('Next month') : trans.__('Next week')}
        onClick={() => props.onMove(1)}
      >
        ›
      </button>
      <span role="group" aria-label={trans.__('View')} className="dl-Buttons">
        {(['month', 'week'] as const).map(view => (
          <button
            key={view}
            type="button"
            className="dl-Button"
            aria-pressed={state.view === view}
            onClick={() => props.onView(view)}
          >
            {view === 'month' ? trans.__('Month') : trans.__('Week')}
          </button>
        ))}
      </span>
      <span className="dl-mod-quiet">
        {trans.__('Times of %1, the time zone of this browser', ownZone())}
      </span>
    </div>
  );
}

function Filters(
  props: CalendarActions & { state: CalendarState; trans: TranslationBundle }
): JSX.Element {
  const { state, trans } = props;
  const { filter } = state;
  const states = Object.keys(ENTRY_STATES) as EntryState[];
  return (
    <div className="dl-FilterBar" role="search">
      <Choice
        label={trans.__('Filter the calendar by environment')}
        all={trans.__('All environments')}
        value={filter.environment}
        options={state.environments.map(name => [name, name])}
        onChange={environment => props.onFilter({ environment })}
      />
      <Choice
        label={trans.__('Filter the calendar by job')}
        all={trans.__('All jobs')}
        value={filter.job}
        options={state.jobs.map(name => [name, name])}
        onChange={job => props.onFilter({ job })}
      />
      <Choice
        label={trans.__('Filter the calendar by state')}
        all={trans.__('All states')}
        value={filter.state}
        options={[
          ['trouble', trans.__('Needs attention')],
          ...states.map((name): [string, string] => [
            name,
            labelOfEntry(name, trans)
          ])
        ]}
        onChange={chosen => props.onFilter({ state: chosen })}
      />
    </div>
  );
}

function Choice(props: {
  label: string;
  all: string;
  value: string;
  options: [string, string][];
  onChange: (value: string) => void;
}): JSX.Element {
  return (
    <HTMLSelect
      aria-label={props.label}
      value={props.value}
      onChange={event => props.onChange(event.target.value)}
    >
      <option value="">{props.all}</option>
      {props.options.map(([value, text]) => (
        <option key={value} value={value}>
          {text}
        </option>
      ))}
    </HTMLSelect>
  );
}

function countOf(shown: readonly Entry[], trans: TranslationBundle): string {
  const number = (entries: readonly Entry[]) =>
    entries.reduce((sum, entry) => sum + entry.count, 0);
  const troubled = shown.filter(({ state }) => TROUBLED.includes(state));
  const all = trans._n('%1 start', '%1 starts', number(shown));
  return troubled.length
    ? trans._n(
        '%2, of which %1 needs attention',
        '%2, of which %1 need attention',
        number(troubled),
        all
      )
    : all;
}

function titleOf({ view, day, days }: CalendarState): string {
  if (view === 'month') {
    return new Intl.DateTimeFormat(undefined, {
      month: 'long',
      year: 'numeric'
    }).format(day);
  }
  return new Intl.DateTimeFormat(undefined, {
    dateStyle: 'medium'
  }).formatRange(days[0], days[days.length - 1]);
}
