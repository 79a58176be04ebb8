import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { clockChange, Day, dayOf, keyOf } from '../calendarDays';
import { Entry, ENTRY_STATES, labelOfEntry } from '../calendarEntries';

/** The starts of a day as a list, with their reasons. */
export function DayAgenda(props: {
  day: Day;
  entries: readonly Entry[];
  onOpen: (entry: Entry) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { day, entries, trans } = props;
  const id = `dl-agenda-${keyOf(day)}`;
  const change = clockChange(day);
  const date = new Intl.DateTimeFormat(undefined, { dateStyle: 'full' });
  return (
    <section aria-labelledby={id} data-day={keyOf(day)}>
      <h2 id={id} className="dl-Agenda-day">
        {date.format(day)}
        {keyOf(day) === keyOf(dayOf(Date.now())) && (
          <span className="dl-mod-quiet"> {trans.__('today')}</span>
        )}
      </h2>
      {change !== 0 && (
        <p className="dl-mod-quiet">
          {change > 0
            ? trans.__('The clocks are set forward on this day.')
            : trans.__('The clocks are set back on this day.')}
        </p>
      )}
      {entries.length ? (
        <ul className="dl-Agenda">
          {entries.map(entry => (
            <Row
              key={entry.id}
              entry={entry}
              withOffset={change !== 0}
              onOpen={props.onOpen}
              trans={trans}
            />
          ))}
        </ul>
      ) : (
        <p className="dl-mod-quiet">{trans.__('Nothing starts.')}</p>
      )}
    </section>
  );
}

function Row(props: {
  entry: Entry;
  withOffset: boolean;
  onOpen: (entry: Entry) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { entry, withOffset, trans } = props;
  const { icon: Icon, tone } = ENTRY_STATES[entry.state];
  const isSpan = entry.until > entry.at;
  return (
    <li className="dl-Agenda-row" data-tone={tone} data-state={entry.state}>
      <time dateTime={new Date(entry.at).toISOString()}>
        {timeOf(entry.at, withOffset)}
        {isSpan && `–${timeOf(entry.until, withOffset)}`}
      </time>
      <span>
        <button
          type="button"
          className="dl-Button dl-mod-link"
          onClick={() => props.onOpen(entry)}
        >
          {entry.preset ? `${entry.name} (${entry.preset})` : entry.name}
          {entry.count > 1 && ` ×${entry.count}`}
        </button>
        <span className="dl-mod-quiet"> {entry.environment}</span>
        {entry.reason && <div className="dl-mod-quiet">{entry.reason}</div>}
      </span>
      <span className="dl-State" data-state={entry.state} data-tone={tone}>
        <Icon.react tag="span" className="dl-State-icon" />
        <span className="dl-State-text">
          {labelOfEntry(entry.state, trans)}
        </span>
      </span>
    </li>
  );
}

/** Format the time of day at an instant; with its offset on a day on which the clocks are set. */
export function timeOf(at: number, withOffset = false): string {
  return new Intl.DateTimeFormat(undefined, {
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
    ...(withOffset ? { timeZoneName: 'shortOffset' as const } : {})
  }).format(at);
}

/** Say all about an entry in one sentence, for the hover and for people who do not see the icon. */
export function describeEntry(entry: Entry, trans: TranslationBundle): string {
  const name = entry.preset ? `${entry.name} (${entry.preset})` : entry.name;
  return [
    timeOf(entry.at),
    entry.count > 1 ? `${name} ×${entry.count}` : name,
    labelOfEntry(entry.state, trans),
    entry.environment,
    entry.reason
  ]
    .filter(Boolean)
    .join(', ');
}
