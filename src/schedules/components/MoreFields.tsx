import { TranslationBundle } from '@jupyterlab/translation';
import React, { useMemo } from 'react';

import { EditableRows } from '../../administration/components/EditableRows';
import type { HolidayCalendar } from '../../api';
import type { ScheduleDraft } from '../draft';
import { allZones } from '../zones';
import { DraftText, SelectField } from './DraftFields';
import { RecipientFields } from './RecipientFields';

type Props = {
  draft: ScheduleDraft;
  calendars: HolidayCalendar[];
  problems: { [field: string]: string | undefined };
  disabled: boolean;
  onChange: (change: Partial<ScheduleDraft>) => void;
  trans: TranslationBundle;
};

const EXAMPLE = '{"region": "south"}';
const FIELDS = [
  'name',
  'timezone',
  'starts',
  'ends',
  'jitter',
  'catchup',
  'pauseAfter',
  'dueWithin',
  'sendValues',
  'sendCondition',
  'calendar'
];

/** The choices that most schedules leave as they are. */
export function MoreFields(props: Props): JSX.Element {
  const { draft, problems, trans } = props;
  const zones = useMemo(allZones, []);
  const isWrong = Object.keys(problems).some(
    name =>
      problems[name] && (FIELDS.includes(name) || name.startsWith('preset-'))
  );
  return (
    // The part opens when a field in it is wrong.
    <details className="dl-More" open={isWrong || undefined}>
      <summary>{trans.__('More')}</summary>
      <div className="dl-Fields">
        <DraftText {...props} name="name" label={trans.__('Name')} />
        <DraftText
          {...props}
          name="timezone"
          label={trans.__('Time zone')}
          list="dl-schedule-zones"
        />
        <DraftText
          {...props}
          name="starts"
          type="datetime-local"
          label={trans.__('Not before')}
        />
        <DraftText
          {...props}
          name="ends"
          type="datetime-local"
          label={trans.__('Not after')}
        />
      </div>
      <datalist id="dl-schedule-zones">
        {zones.map(zone => (
          <option key={zone} value={zone} />
        ))}
      </datalist>
      <Overlap {...props} />
      <Misfire {...props} />
      <div className="dl-Fields">
        <DraftText
          {...props}
          name="pauseAfter"
          label={trans.__('Pause after failures in a row')}
          type="number"
          placeholder={trans.__('as the environment has it')}
        />
        <DraftText
          {...props}
          name="jitter"
          label={trans.__('Spread the start over')}
          hint={trans.__('minutes')}
          type="number"
          placeholder="0"
        />
        <SelectField
          id="dl-schedule-dueKind"
          label={trans.__('Tell when it is late')}
          value={draft.dueKind}
          options={[
            ['', trans.__('never')],
            ['at', trans.__('not done at a time of day')],
            ['within', trans.__('not done some time after its start')]
          ]}
          disabled={props.disabled}
          onChange={dueKind =>
            props.onChange({ dueKind: dueKind as ScheduleDraft['dueKind'] })
          }
        />
        {draft.dueKind === 'at' && (
          <DraftText
            {...props}
            name="dueAt"
            type="time"
            label={trans.__('Done by')}
          />
        )}
        {draft.dueKind === 'within' && (
          <DraftText
            {...props}
            name="dueWithin"
            type="number"
            label={trans.__('Done within')}
            hint={trans.__('minutes')}
          />
        )}
        <Holidays {...props} />
      </div>
      <Sending {...props} />
      <h3>{trans.__('Presets')}</h3>
      <p className="dl-mod-quiet">
        {trans.__(
          'Each start has a run for each preset, with parameters that replace those above.'
        )}
      </p>
      <EditableRows
        rows={draft.presets}
        columns={[
          trans.__('Name'),
          trans.__('Parameters, in JSON'),
          trans.__('Also tell')
        ]}
        cells={(row, change, index) => (
          <>
            <td>
              <input
                className="jp-mod-styled"
                aria-label={trans.__('Name of preset %1', index + 1)}
                aria-invalid={problems[`preset-${index}`] ? true : undefined}
                value={row.name}
                onChange={event => change({ name: event.target.value })}
              />
            </td>
            <td>
              <input
                className="jp-mod-styled"
                spellCheck={false}
                aria-label={trans.__('Parameters of preset %1', index + 1)}
                value={row.parameters}
                placeholder={EXAMPLE}
                onChange={event => change({ parameters: event.target.value })}
              />
              {problems[`preset-${index}`] && (
                <div className="dl-Field-problem" role="alert">
                  {problems[`preset-${index}`]}
                </div>
              )}
            </td>
            <td>
              <input
                className="jp-mod-styled"
                spellCheck={false}
                aria-label={trans.__('Recipients of preset %1', index + 1)}
                value={row.tell}
                onChange={event => change({ tell: event.target.value })}
              />
            </td>
          </>
        )}
        newRow={{ name: '', parameters: '', tell: '', recipients: [] }}
        add={trans.__('Add preset')}
        disabled={props.disabled}
        onChange={presets => props.onChange({ presets })}
        trans={trans}
      />
      <RecipientFields
        recipients={draft.recipients}
        problem={problems.recipients}
        disabled={props.disabled}
        onChange={recipients => props.onChange({ recipients })}
        trans={trans}
      />
    </details>
  );
}

function Overlap(props: Props): JSX.Element {
  const { draft, trans } = props;
  const sentences = {
    skip: trans.__('The new start is skipped, and the log names the run.'),
    buffer_one: trans.__('One start waits; further ones are skipped.'),
    buffer_all: trans.__('All starts wait, and run one after the other.'),
    cancel_other: trans.__(
      'The earlier run is cancelled, then the new starts.'
    ),
    allow_all: trans.__('Both run at the same time.')
  };
  return (
    <SelectField
      id="dl-schedule-overlap"
      label={trans.__('While the run before goes on')}
      description={sentences[draft.overlap]}
      value={draft.overlap}
      options={[
        ['skip', trans.__('skip')],
        ['buffer_one', trans.__('let one wait')],
        ['buffer_all', trans.__('let all wait')],
        ['cancel_other', trans.__('cancel the earlier run')],
        ['allow_all', trans.__('run beside it')]
      ]}
      disabled={props.disabled}
      onChange={overlap =>
        props.onChange({ overlap: overlap as ScheduleDraft['overlap'] })
      }
    />
  );
}

function Misfire(props: Props): JSX.Element {
  const { draft, trans } = props;
  const sentences = {
    latest: trans.__(
      'The last missed start is made up for, the others are not.'
    ),
    all: trans.__('All missed starts are made up for.'),
    skip: trans.__('Missed starts stay missed.')
  };
  return (
    <div className="dl-Fields">
      <SelectField
        id="dl-schedule-misfire"
        label={trans.__('After a time without an engine')}
        description={sentences[draft.misfire]}
        value={draft.misfire}
        options={[
          ['latest', trans.__('run the last one')],
          ['all', trans.__('run all')],
          ['skip', trans.__('run none')]
        ]}
        disabled={props.disabled}
        onChange={misfire =>
          props.onChange({ misfire: misfire as ScheduleDraft['misfire'] })
        }
      />
      {draft.misfire !== 'skip' && (
        <DraftText
          {...props}
          name="catchup"
          type="number"
          label={trans.__('But no older than')}
          hint={trans.__('hours')}
        />
      )}
    </div>
  );
}

function Sending(props: Props): JSX.Element {
  const { draft, trans } = props;
  return (
    <div className="dl-Fields">
      <SelectField
        id="dl-schedule-sendWhen"
        label={trans.__('Tell of a success')}
        description={trans.__('To those who want to hear of successes.')}
        value={draft.sendWhen}
        options={[
          ['always', trans.__('always')],
          ['changed', trans.__('when a recorded value changed')],
          ['condition', trans.__('when a condition is true')],
          ['new_version', trans.__('when the version is a new one')]
        ]}
        disabled={props.disabled}
        onChange={sendWhen =>
          props.onChange({ sendWhen: sendWhen as ScheduleDraft['sendWhen'] })
        }
      />
      {draft.sendWhen === 'changed' && (
        <DraftText
          {...props}
          name="sendValues"
          label={trans.__('Names of values')}
          hint={trans.__('commas between')}
          placeholder="auc, rows"
        />
      )}
      {draft.sendWhen === 'condition' && (
        <DraftText
          {...props}
          name="sendCondition"
          label={trans.__('Condition')}
          hint="CEL"
          placeholder="values.auc < 0.8"
        />
      )}
    </div>
  );
}

function Holidays(props: Props): JSX.Element | null {
  const { draft, calendars, trans } = props;
  const names = calendars.map(({ name }) => name);
  if (!names.length && !draft.calendar) {
    return null;
  }
  return (
    <>
      <SelectField
        id="dl-schedule-calendar"
        label={trans.__('Calendar')}
        problem={props.problems.calendar}
        value={draft.calendar}
        options={[
          ['', trans.__('none')],
          ...names.map((name): [string, string] => [name, name])
        ]}
        disabled={props.disabled}
        onChange={calendar => props.onChange({ calendar })}
      />
      {draft.calendar && (
        <SelectField
          id="dl-schedule-onHoliday"
          label={trans.__('On its holidays')}
          value={draft.onHoliday}
          options={[
            ['run', trans.__('run')],
            ['skip', trans.__('skip')],
            ['next_business_day', trans.__('run on the next business day')],
            [
              'previous_business_day',
              trans.__('run on the business day before')
            ]
          ]}
          disabled={props.disabled}
          onChange={onHoliday =>
            props.onChange({
              onHoliday: onHoliday as ScheduleDraft['onHoliday']
            })
          }
        />
      )}
    </>
  );
}
