import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { Field } from '../../shared/components/Field';
import { TextField } from '../../shared/components/TextField';
import { Trouble } from '../../shared/components/Trouble';
import type { JobState } from '../jobModel';
import type { SettingsDraft } from '../settings';
import { SettingsFields } from './SettingsFields';

/** The form with the settings for the runs of one job. */
export function JobSettings(props: {
  state: JobState;
  mayChange: boolean;
  onEdit: (change: {
    name?: string;
    concurrency?: string;
    pinned?: string;
  }) => void;
  onSettings: (change: Partial<SettingsDraft>) => void;
  onSave: () => void;
  onReload: () => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { state, trans } = props;
  const { job, problems, saving } = state;
  const disabled = saving || !props.mayChange;
  const trouble = state.trouble && (
    <Trouble problem={state.trouble} onRetry={props.onReload} trans={trans} />
  );
  if (!job) {
    return trouble ?? <p className="dl-Empty">{trans.__('Loading…')}</p>;
  }
  return (
    <form
      className="dl-RunForm dl-Form"
      noValidate
      onSubmit={event => {
        event.preventDefault();
        props.onSave();
      }}
    >
      <div className="dl-RunForm-title">
        <h1>{trans.__('Job settings')}</h1>
        <p className="dl-mod-quiet">{job.source}</p>
      </div>
      {trouble}
      <TextField
        id="dl-job-name"
        label={trans.__('Name')}
        problem={problems.name}
        maxLength={200}
        value={state.name}
        disabled={disabled}
        onChange={name => props.onEdit({ name })}
      />
      <TextField
        id="dl-job-concurrency"
        label={trans.__('Runs at a time')}
        description={trans.__('0 lets all of its runs wait.')}
        problem={problems.concurrency}
        type="number"
        min={0}
        step={1}
        placeholder={trans.__('as many as there are slots')}
        value={state.concurrency}
        disabled={disabled}
        onChange={concurrency => props.onEdit({ concurrency })}
      />
      <Field
        id="dl-job-pinned"
        label={trans.__('Pinned files')}
        description={trans.__(
          'One pattern a line, from the folder of the notebook, such as reference/*.csv: these files belong to the version. With ! before it each run takes them as they are then. The last pattern that matches a file counts.'
        )}
        problem={problems.pinned}
      >
        {attributes => (
          <textarea
            {...attributes}
            className="jp-mod-styled"
            rows={3}
            spellCheck={false}
            value={state.pinned}
            disabled={disabled}
            onChange={event => props.onEdit({ pinned: event.target.value })}
          />
        )}
      </Field>
      <SettingsFields
        id="dl-job"
        draft={state.settings}
        problems={problems}
        disabled={disabled}
        placeholder={trans.__('default')}
        onChange={props.onSettings}
        trans={trans}
      />
      <div className="dl-RunForm-submit">
        <button
          type="submit"
          className="jp-mod-styled jp-mod-accept"
          disabled={disabled}
        >
          {trans.__('Save')}
        </button>
        <span className="dl-mod-quiet" aria-live="polite">
          {!props.mayChange
            ? trans.__(
                'Only %1 and administrators may change them.',
                job.created_by.name
              )
            : state.saved
              ? trans.__('Saved. It holds for runs from now on.')
              : trans.__('Holds for runs that are given nothing else.')}
        </span>
      </div>
    </form>
  );
}
