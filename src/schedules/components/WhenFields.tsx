import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Job } from '../../api';
import type { Often, RuleDraft } from '../rule';
import { DraftSelect, DraftText, SelectField } from './DraftFields';

type Props = {
  draft: RuleDraft;
  jobs: Job[];
  problems: { [field: string]: string | undefined };
  disabled: boolean;
  onChange: (change: Partial<RuleDraft>) => void;
  trans: TranslationBundle;
};

const EXAMPLE_FOLDER = '/data/incoming';

/** The fields that say when a schedule starts: how often, and what that needs. */
export function WhenFields(props: Props): JSX.Element {
  const { draft: rule, trans } = props;
  return (
    <div className="dl-Fields">
      <SelectField
        id="dl-schedule-often"
        label={trans.__('How often')}
        value={rule.often}
        disabled={props.disabled}
        options={[
          ['hour', trans.__('every hour')],
          ['day', trans.__('every day')],
          ['weekdays', trans.__('Monday to Friday')],
          ['week', trans.__('every week')],
          ['month', trans.__('every month')],
          ['business_day', trans.__('on a business day of the month')],
          ['interval', trans.__('at an interval')],
          ['once', trans.__('once')],
          ['after_job', trans.__('after another job')],
          ['files', trans.__('when files arrive')],
          ['webhook', trans.__('when a request comes (webhook)')],
          ['cron', trans.__('cron expression')]
        ]}
        onChange={often => props.onChange({ often: often as Often })}
      />
      <Details {...props} />
    </div>
  );
}

function Details(props: Props): JSX.Element {
  const { draft: rule, trans } = props;
  switch (rule.often) {
    case 'hour':
      return (
        <DraftText {...props} name="minute" label={trans.__('At minute')} />
      );
    case 'day':
    case 'weekdays':
      return <TimeField {...props} />;
    case 'week':
      return (
        <>
          <DraftSelect
            {...props}
            name="weekday"
            label={trans.__('Day')}
            options={weekdays()}
          />
          <TimeField {...props} />
        </>
      );
    case 'month':
      return (
        <>
          <DraftSelect
            {...props}
            name="day"
            label={trans.__('Day of the month')}
            options={[
              ...Array.from({ length: 31 }, (_, index): [string, string] => [
                String(index + 1),
                String(index + 1)
              ]),
              ['L', trans.__('the last')]
            ]}
          />
          <TimeField {...props} />
        </>
      );
    case 'business_day':
      return (
        <>
          <DraftSelect
            {...props}
            name="number"
            label={trans.__('Which business day')}
            options={[
              ['-1', trans.__('the last')],
              ['-2', trans.__('the last but one')],
              ...Array.from({ length: 23 }, (_, index): [string, string] => [
                String(index + 1),
                trans.__('number %1', index + 1)
              ])
            ]}
          />
          <TimeField {...props} />
        </>
      );
    case 'interval':
      return (
        <>
          <DraftText {...props} name="every" label={trans.__('Every')} />
          <DraftSelect
            {...props}
            name="unit"
            label={trans.__('Unit')}
            options={[
              ['s', trans.__('seconds')],
              ['min', trans.__('minutes')],
              ['h', trans.__('hours')]
            ]}
          />
        </>
      );
    case 'once':
      return (
        <DraftText
          {...props}
          name="moment"
          type="datetime-local"
          label={trans.__('At')}
        />
      );
    case 'after_job':
      return (
        <>
          <DraftSelect
            {...props}
            name="job"
            label={trans.__('After which job')}
            options={[
              ['', trans.__('Choose…')],
              ...props.jobs.map(({ id, name }): [string, string] => [id, name])
            ]}
          />
          <DraftSelect
            {...props}
            name="on"
            label={trans.__('When it')}
            options={[
              ['success', trans.__('succeeded')],
              ['failure', trans.__('failed')],
              ['any', trans.__('ended, in any way')]
            ]}
          />
        </>
      );
    case 'files':
      return (
        <>
          <DraftText
            {...props}
            name="folder"
            label={trans.__('Folder of the server')}
            placeholder={EXAMPLE_FOLDER}
          />
          <DraftText {...props} name="pattern" label={trans.__('Files')} />
          <DraftText
            {...props}
            name="quiet"
            label={trans.__('Quiet for')}
            hint={trans.__('seconds')}
          />
          <DraftText
            {...props}
            name="parameter"
            label={trans.__('Parameter for their names')}
          />
        </>
      );
    case 'webhook':
      return (
        <DraftSelect
          {...props}
          name="signature"
          label={trans.__('Signed as')}
          options={[
            ['standard', trans.__('Standard Webhooks')],
            ['github', trans.__('GitHub')]
          ]}
        />
      );
    case 'cron':
      return (
        <DraftText
          {...props}
          name="expression"
          label={trans.__('Expression')}
          hint={trans.__('minute, hour, day, month, weekday')}
          spellCheck={false}
        />
      );
  }
}

function TimeField(props: Props): JSX.Element {
  return (
    <DraftText {...props} name="at" type="time" label={props.trans.__('At')} />
  );
}

/** The days of the week in the language of the browser, Monday first, with the numbers of cron. */
function weekdays(): [string, string][] {
  const format = new Intl.DateTimeFormat(undefined, {
    weekday: 'long',
    timeZone: 'UTC'
  });
  return [1, 2, 3, 4, 5, 6, 0].map(day => [
    String(day),
    // The fourth of January 1970 was a Sunday.
    format.format(new Date(Date.UTC(1970, 0, 4 + day)))
  ]);
}
