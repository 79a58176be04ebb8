import { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect } from '@jupyterlab/ui-components';
import React, { useState } from 'react';

import type { Environment, EnvironmentChange } from '../../api';
import { useAction } from '../../shared/action';
import { Check, toggleName } from '../../shared/components/Check';
import { Field } from '../../shared/components/Field';
import { Message } from '../../shared/components/Message';
import { TextField } from '../../shared/components/TextField';
import {
  draftOfEnvironment,
  EnvironmentDraft,
  fieldOf,
  LOCKABLE,
  NEW_ENVIRONMENT,
  readEnvironment
} from '../environmentDraft';
import { AllowedImages } from './AllowedImages';
import { Mounts } from './Mounts';

/** The form with the settings of one environment. */
export function EnvironmentForm(props: {
  /** Null for a new environment. */
  environment: Environment | null;
  /** Names of the images in the catalogue. */
  images: string[];
  onSave: (name: string, settings: EnvironmentChange) => Promise<void>;
  trans: TranslationBundle;
}): JSX.Element {
  const { environment, trans } = props;
  const [draft, setDraft] = useState(() =>
    environment ? draftOfEnvironment(environment) : NEW_ENVIRONMENT
  );
  const [checked, setChecked] = useState<{ [name: string]: string }>({});
  const [saved, setSaved] = useState(false);
  const { busy, problem, act } = useAction();
  const change = (part: Partial<EnvironmentDraft>) => {
    setDraft({ ...draft, ...part });
    setChecked({});
    setSaved(false);
  };
  const save = async () => {
    const revision = environment?.revision ?? null;
    const { settings, problems } = readEnvironment(draft, revision, trans);
    setChecked(problems);
    if (!Object.keys(problems).length) {
      const name = draft.name.trim();
      setSaved(await act(() => props.onSave(name, settings)));
    }
  };
  const refused = Object.fromEntries(
    Object.entries(problem?.parameters ?? {}).map(([name, message]) => [
      fieldOf(name),
      message
    ])
  );
  const problems: { [name: string]: string | undefined } = {
    ...refused,
    ...checked
  };
  const isDocker = draft.executor === 'docker';
  const unenforcedHint = isDocker ? '' : trans.__('not enforced for processes');

  type TextFieldName = {
    [K in keyof EnvironmentDraft]: EnvironmentDraft[K] extends string
      ? K
      : never;
  }[keyof EnvironmentDraft];
  const text = (
    name: TextFieldName,
    label: string,
    options: {
      hint?: string;
      description?: string;
      placeholder?: string;
      number?: boolean;
      disabled?: boolean;
    } = {}
  ) => (
    <TextField
      id={`dl-environment-${name}`}
      label={label}
      hint={options.hint}
      description={options.description}
      problem={problems[name]}
      type={options.number ? 'number' : 'text'}
      step="any"
      placeholder={options.placeholder}
      value={draft[name]}
      disabled={busy || options.disabled}
      onChange={value => change({ [name]: value })}
    />
  );
  const none = trans.__('no limit');
  return (
    <form
      className="dl-Form"
      noValidate
      aria-label={trans.__('Settings')}
      onSubmit={event => {
        event.preventDefault();
        void save();
      }}
    >
      {problem && <Message kind="error" title={problem.message} />}
      <div className="dl-Fields">
        {text('name', trans.__('Name'), {
          disabled: environment !== null,
          placeholder: trans.__('small letters, digits, hyphens')
        })}
        {text('position', trans.__('Place in promotion order'), {
          number: true,
          placeholder: trans.__('last')
        })}
        <Field id="dl-environment-executor" label={trans.__('Executor')}>
          {attributes => (
            <HTMLSelect
              {...attributes}
              value={draft.executor}
              disabled={busy}
              onChange={event =>
                change({
                  executor: event.target.value as EnvironmentDraft['executor']
                })
              }
            >
              <option value="process">
                {trans.__('process, on this machine')}
              </option>
              <option value="docker">{trans.__('docker, in an image')}</option>
            </HTMLSelect>
          )}
        </Field>
      </div>
      {text('description', trans.__('Description'))}
      <Check
        label={trans.__('Guarded')}
        description={trans.__(
          'Only promoted jobs run here. Until there are any, only administrators run here, and the record says “unpromoted”.'
        )}
        checked={draft.guarded}
        disabled={busy}
        onChange={guarded => change({ guarded })}
      />
      {text('outputFolder', trans.__('Folder for outputs'), {
        placeholder: draft.guarded
          ? trans.__('none: people download outputs')
          : trans.__('the workspace'),
        description: trans.__(
          'Runs that succeed publish their declared outputs there. The folder is one of the machine of the engine, below those that its administrator allows.'
        )
      })}
      {isDocker && (
        <fieldset className="dl-Group">
          <legend>{trans.__('Images')}</legend>
          <AllowedImages
            images={props.images}
            draft={draft}
            disabled={busy}
            onChange={change}
            trans={trans}
          />
        </fieldset>
      )}
      <fieldset className="dl-Group">
        <legend>{trans.__('Limits')}</legend>
        <div className="dl-Fields">
          {text('cpus', trans.__('CPUs'), {
            number: true,
            hint: unenforcedHint,
            placeholder: none
          })}
          {text('memory', trans.__('Memory, GB'), {
            number: true,
            hint: unenforcedHint,
            placeholder: none
          })}
          {text('pids', trans.__('Processes'), {
            number: true,
            hint: unenforcedHint,
            placeholder: none
          })}
          {text('gpus', trans.__('GPUs'), {
            number: true,
            hint: unenforcedHint,
            placeholder: isDocker ? trans.__('none') : none
          })}
          {text('timeout', trans.__('Longest run, minutes'), {
            number: true,
            placeholder: none
          })}
          {text('concurrency', trans.__('Runs at a time'), {
            number: true,
            placeholder: trans.__('as many as there are slots')
          })}
        </div>
        <Check
          label={trans.__('Network')}
          description={
            isDocker
              ? trans.__('Without it, a container reaches nothing.')
              : unenforcedHint
          }
          checked={draft.network}
          disabled={busy}
          onChange={network => change({ network })}
        />
      </fieldset>
      {isDocker && (
        <fieldset className="dl-Group">
          <legend>{trans.__('Docker')}</legend>
          <div className="dl-Fields">
            {text('host', trans.__('Host'), {
              placeholder: trans.__('this machine')
            })}
            {text('user', trans.__('User'), {
              hint: trans.__('uid:gid, never root')
            })}
            {text('warm', trans.__('Warm containers'), {
              number: true,
              hint: trans.__('kept ready')
            })}
          </div>
        </fieldset>
      )}
      {isDocker && (
        <Mounts
          mounts={draft.mounts}
          problem={problems.mounts}
          disabled={busy}
          onChange={mounts => change({ mounts })}
          trans={trans}
        />
      )}
      <fieldset className="dl-Group">
        <legend>{trans.__('Locked: nobody chooses these for a run')}</legend>
        <div className="dl-Checks">
          {LOCKABLE.map(name => (
            <Check
              key={name}
              label={lockLabel(name, trans)}
              checked={draft.locked.includes(name)}
              disabled={busy}
              onChange={on =>
                change({ locked: toggleName(draft.locked, name, on) })
              }
            />
          ))}
        </div>
      </fieldset>
      <div className="dl-Form-submit">
        <button
          type="submit"
          className="jp-mod-styled jp-mod-accept"
          disabled={busy}
        >
          {environment ? trans.__('Save') : trans.__('Add environment')}
        </button>
        <span aria-live="polite" className="dl-mod-quiet">
          {saved && trans.__('Saved.')}
        </span>
      </div>
    </form>
  );
}

function lockLabel(
  name: (typeof LOCKABLE)[number],
  trans: TranslationBundle
): string {
  return {
    image: trans.__('image'),
    kernel: trans.__('kernel'),
    resources: trans.__('resources'),
    timeout_s: trans.__('timeout')
  }[name];
}
