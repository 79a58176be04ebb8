import { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect } from '@jupyterlab/ui-components';
import React from 'react';

import { Field } from '../../shared/components/Field';
import { boundsOf, SettingName, SettingsDraft } from '../settings';

/** The fields for priority, retries and time limits, of a run or of all runs of a job. */
export function SettingsFields(props: {
  /** An id that is unique on the page. */
  id: string;
  draft: SettingsDraft;
  problems: { [name: string]: string | undefined };
  disabled: boolean;
  /** The fixed settings, each with a text about its value. */
  fixed?: { [name in SettingName]?: string };
  /** The text in an empty field: the value that then applies. */
  placeholder: string;
  onChange: (change: Partial<SettingsDraft>) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { id, draft, problems, disabled, trans } = props;
  const minutes = trans.__('minutes');
  const numbers: {
    name: Exclude<SettingName, 'retry_on_timeout'>;
    label: string;
    hint: string;
    description?: string;
  }[] = [
    {
      name: 'priority',
      label: trans.__('Priority'),
      hint: trans.__('−100 to 100'),
      description: trans.__(
        'Among runs that wait, the higher priority comes first.'
      )
    },
    {
      name: 'max_retries',
      label: trans.__('Retries'),
      hint: trans.__('0 to 10'),
      description: trans.__(
        'After an error of the notebook. A run that the machinery lost is tried again anyway.'
      )
    },
    {
      name: 'timeout_s',
      label: trans.__('Timeout'),
      hint: minutes,
      description: trans.__('How long an attempt may run.')
    },
    {
      name: 'queue_timeout_s',
      label: trans.__('Time in the queue'),
      hint: minutes,
      description: trans.__('Until the first start.')
    },
    {
      name: 'start_timeout_s',
      label: trans.__('Time to start'),
      hint: minutes,
      description: trans.__(
        'For the start of an attempt; then it is tried again.'
      )
    },
    {
      name: 'total_timeout_s',
      label: trans.__('Time in all'),
      hint: minutes,
      description: trans.__('With all waiting and all attempts.')
    }
  ];
  return (
    <div className="dl-Fields">
      {numbers.map(({ name, ...words }) => {
        const fixed = props.fixed?.[name];
        const { scale, minimum, maximum, whole } = boundsOf(name);
        return (
          <Field
            key={name}
            id={`${id}-${name}`}
            {...words}
            problem={problems[name]}
          >
            {attributes =>
              fixed === undefined ? (
                <input
                  {...attributes}
                  type="number"
                  className="jp-mod-styled"
                  min={minimum}
                  max={maximum}
                  step={whole ? scale : 'any'}
                  placeholder={props.placeholder}
                  value={draft[name]}
                  disabled={disabled}
                  onChange={event =>
                    props.onChange({ [name]: event.target.value })
                  }
                />
              ) : (
                <output {...attributes}>{fixed}</output>
              )
            }
          </Field>
        );
      })}
      <Field
        id={`${id}-retry_on_timeout`}
        label={trans.__('Retry after a timeout')}
        problem={problems.retry_on_timeout}
      >
        {attributes => (
          <HTMLSelect
            {...attributes}
            value={draft.retry_on_timeout}
            disabled={disabled}
            onChange={event =>
              props.onChange({ retry_on_timeout: event.target.value })
            }
          >
            <option value="">{props.placeholder}</option>
            <option value="true">{trans.__('yes')}</option>
            <option value="false">{trans.__('no')}</option>
          </HTMLSelect>
        )}
      </Field>
    </div>
  );
}
