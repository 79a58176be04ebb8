import { TranslationBundle } from '@jupyterlab/translation';
import React, { useEffect, useRef } from 'react';

import { addDays, Day, dayOf, keyOf } from '../calendarDays';
import { Entry, ENTRY_STATES, TROUBLED } from '../calendarEntries';
import { describeEntry, timeOf } from './DayAgenda';

const MOST_LINES = 4;
const WEEK = 7;

/** The days to which the keys go. */
const STEPS: { [key: string]: number } = {
  ArrowLeft: -1,
  ArrowRight: 1,
  ArrowUp: -WEEK,
  ArrowDown: WEEK
};

/** A month as a table of weeks. The arrows go from day to day, the page keys from month to month. */
export function MonthGrid(props: {
  days: readonly Day[];
  chosen: Day;
  entries: ReadonlyMap<string, Entry[]>;
  onChoose: (day: Day) => void;
  onMove: (steps: number) => void;
  onOpen: (entry: Entry) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { days, chosen, trans } = props;
  const table = useRef<HTMLTableElement>(null);
  const follows = useRef(false);
  // The focus follows the chosen day, but only when a key has chosen it.
  useEffect(() => {
    if (follows.current) {
      follows.current = false;
      table.current
        ?.querySelector<HTMLElement>('button[aria-pressed=true]')
        ?.focus();
    }
  }, [chosen]);
  const onKeyDown = (event: React.KeyboardEvent) => {
    const page = { PageUp: -1, PageDown: 1 }[event.key];
    if (event.key in STEPS) {
      follows.current = true;
      props.onChoose(addDays(chosen, STEPS[event.key]));
    } else if (page !== undefined) {
      follows.current = true;
      props.onMove(page);
    } else {
      return;
    }
    event.preventDefault();
  };
  const weeks = Array.from({ length: days.length / WEEK }, (_, week) =>
    days.slice(week * WEEK, (week + 1) * WEEK)
  );
  const weekday = new Intl.DateTimeFormat(undefined, { weekday: 'short' });
  return (
    <table
      ref={table}
      className="dl-MonthGrid"
      aria-label={trans.__('Days of the month')}
      onKeyDown={onKeyDown}
    >
      <thead>
        <tr>
          {days.slice(0, WEEK).map(day => (
            <th key={keyOf(day)} scope="col">
              {weekday.format(day)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {weeks.map(week => (
          <tr key={keyOf(week[0])}>
            {week.map(day => (
              <DayCell
                key={keyOf(day)}
                {...props}
                day={day}
                entries={props.entries.get(keyOf(day)) ?? []}
              />
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function DayCell(props: {
  day: Day;
  chosen: Day;
  entries: readonly Entry[];
  onChoose: (day: Day) => void;
  onOpen: (entry: Entry) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { day, chosen, entries, trans } = props;
  const isChosen = keyOf(day) === keyOf(chosen);
  const number = entries.reduce((sum, entry) => sum + entry.count, 0);
  const troubled = entries.filter(({ state }) => TROUBLED.includes(state));
  const date = new Intl.DateTimeFormat(undefined, { dateStyle: 'full' });
  const isToday = keyOf(day) === keyOf(dayOf(Date.now()));
  // In a full day those that need somebody are shown first.
  const sorted = [...entries].sort(
    (a, b) =>
      Number(TROUBLED.includes(b.state)) - Number(TROUBLED.includes(a.state))
  );
  const lines = entries.length > MOST_LINES ? sorted : entries;
  const left = entries.length - MOST_LINES;
  return (
    <td
      data-day={keyOf(day)}
      data-other={day.getMonth() !== chosen.getMonth() || undefined}
      data-today={isToday || undefined}
      onClick={() => props.onChoose(day)}
    >
      <button
        type="button"
        className="dl-MonthGrid-day"
        aria-pressed={isChosen}
        aria-current={isToday ? 'date' : undefined}
        aria-label={[
          date.format(day),
          trans._n('%1 start', '%1 starts', number),
          ...(troubled.length
            ? [
                trans._n(
                  '%1 needs attention',
                  '%1 need attention',
                  troubled.reduce((sum, entry) => sum + entry.count, 0)
                )
              ]
            : [])
        ].join(', ')}
        tabIndex={isChosen ? 0 : -1}
        onClick={event => {
          event.stopPropagation();
          props.onChoose(day);
        }}
      >
        {day.getDate()}
      </button>
      <ul>
        {lines.slice(0, MOST_LINES).map(entry => (
          <li key={entry.id}>
            <EntryButton {...props} entry={entry} />
          </li>
        ))}
        {left > 0 && (
          <li className="dl-mod-quiet">
            {trans._n('%1 more', '%1 more', left)}
          </li>
        )}
      </ul>
    </td>
  );
}

/** A line of a day for the mouse; the keyboard has the list of the chosen day. */
function EntryButton(props: {
  entry: Entry;
  onOpen: (entry: Entry) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { entry, trans } = props;
  const { icon: Icon, tone } = ENTRY_STATES[entry.state];
  return (
    <button
      type="button"
      tabIndex={-1}
      className="dl-CalendarEntry"
      data-state={entry.state}
      data-tone={tone}
      title={describeEntry(entry, trans)}
      aria-label={describeEntry(entry, trans)}
      onClick={event => {
        event.stopPropagation();
        props.onOpen(entry);
      }}
    >
      <Icon.react tag="span" className="dl-State-icon" />
      <span className="dl-CalendarEntry-time">{timeOf(entry.at)}</span>{' '}
      <span className="dl-CalendarEntry-name">{entry.name}</span>
      {entry.count > 1 && <span> ×{entry.count}</span>}
    </button>
  );
}
