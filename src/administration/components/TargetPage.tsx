import { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect } from '@jupyterlab/ui-components';
import React, { useState } from 'react';

import type { Delivery, Target, TargetChange } from '../../api';
import { useAction } from '../../shared/action';
import { Check, toggleName } from '../../shared/components/Check';
import { Field } from '../../shared/components/Field';
import { Message } from '../../shared/components/Message';
import { TextField } from '../../shared/components/TextField';
import { askConfirmation } from '../../shared/confirm';
import {
  channelLabel,
  CHANNELS,
  draftOfTarget,
  NEW_TARGET,
  readTarget,
  TargetChannel,
  TargetDraft
} from '../targetDraft';
import { DeliveryLog, TestResult } from './DeliveryLog';

/** One target with its settings, a button that tries it out, and its last deliveries; or a new one. */
export function TargetPage(props: {
  target: Target | null;
  environments: string[];
  log: Delivery[];
  /** The key that was made just now, to show this once. */
  newKey: string | null;
  onBack: () => void;
  onSave: (name: string, change: TargetChange) => Promise<unknown>;
  onRemove: (name: string) => Promise<void>;
  onTest: (name: string) => Promise<Delivery>;
  trans: TranslationBundle;
}): JSX.Element {
  const { target, trans } = props;
  const { busy, problem, act } = useAction();
  const [tested, setTested] = useState<Delivery | null>(null);
  const remove = async (name: string) => {
    const isConfirmed = await askConfirmation(
      {
        title: trans.__('Remove the target %1?', name),
        body: trans.__('Messages that wait for it are not delivered.'),
        verb: trans.__('Remove')
      },
      trans
    );
    if (isConfirmed) {
      await act(() => props.onRemove(name));
    }
  };
  const test = (name: string) =>
    act(async () => {
      setTested(null);
      setTested(await props.onTest(name));
    });
  return (
    <>
      <div className="dl-Bar">
        <button className="dl-Button" onClick={props.onBack}>
          {trans.__('← All targets')}
        </button>
        {target && (
          <span className="dl-Buttons">
            <button
              className="dl-Button"
              disabled={busy}
              onClick={() => void test(target.name)}
            >
              {trans.__('Send a test message')}
            </button>
            <button
              className="dl-Button"
              disabled={busy}
              onClick={() => void remove(target.name)}
            >
              {trans.__('Remove…')}
            </button>
          </span>
        )}
      </div>
      <h1>{target?.name ?? trans.__('New target')}</h1>
      {problem && <Message kind="error" title={problem.message} />}
      {props.newKey && (
        <Message
          kind="info"
          title={trans.__('The key that messages are signed with')}
        >
          <p>
            <code className="dl-mod-break">{props.newKey}</code>
          </p>
          <p>{trans.__('Keep it now: it is never shown again.')}</p>
        </Message>
      )}
      <div aria-live="polite">
        {tested && <TestResult delivery={tested} trans={trans} />}
      </div>
      <TargetForm
        target={target}
        environments={props.environments}
        onSave={props.onSave}
        trans={trans}
      />
      {target && (
        <DeliveryLog deliveries={props.log} shows="one" trans={trans} />
      )}
    </>
  );
}

function TargetForm(props: {
  target: Target | null;
  environments: string[];
  onSave: (name: string, change: TargetChange) => Promise<unknown>;
  trans: TranslationBundle;
}): JSX.Element {
  const { target, trans } = props;
  const [draft, setDraft] = useState(() =>
    target ? draftOfTarget(target) : NEW_TARGET
  );
  const [saved, setSaved] = useState(false);
  const { busy, problem, act } = useAction();
  const change = (part: Partial<TargetDraft>) => {
    setDraft({ ...draft, ...part });
    setSaved(false);
  };
  const save = async () => {
    const wanted = readTarget(draft, target);
    const isDone = await act(() => props.onSave(draft.name.trim(), wanted));
    setSaved(isDone);
    if (isDone && draft.channel !== 'mail') {
      // The URL is with the server now, and nobody reads it again.
      setDraft({ ...draft, address: '', newKey: false });
    }
  };
  const isMail = draft.channel === 'mail';
  const keepsUrl = target?.channel === draft.channel && !isMail;
  return (
    <form
      className="dl-Form"
      noValidate
      autoComplete="off"
      aria-label={trans.__('Settings')}
      onSubmit={event => {
        event.preventDefault();
        void save();
      }}
    >
      {problem && <Message kind="error" title={problem.message} />}
      <div className="dl-Fields">
        <TextField
          id="dl-target-name"
          label={trans.__('Name')}
          placeholder={trans.__('small letters, digits, hyphens')}
          required
          spellCheck={false}
          value={draft.name}
          disabled={busy || target !== null}
          onChange={name => change({ name })}
        />
        <Field id="dl-target-channel" label={trans.__('Channel')}>
          {attributes => (
            <HTMLSelect
              {...attributes}
              value={draft.channel}
              disabled={busy}
              onChange={event =>
                change({
                  channel: event.target.value as TargetChannel,
                  address: ''
                })
              }
            >
              {CHANNELS.map(channel => (
                <option key={channel} value={channel}>
                  {channelLabel(channel, trans)}
                </option>
              ))}
            </HTMLSelect>
          )}
        </Field>
      </div>
      {isMail ? (
        <>
          <TextField
            id="dl-target-address"
            label={trans.__('Address')}
            type="email"
            placeholder={trans.__('team@example.org')}
            value={draft.address}
            disabled={busy}
            onChange={address => change({ address })}
          />
          <TextField
            id="dl-target-domains"
            label={trans.__('Allowed domains')}
            description={trans.__(
              'Any address there may get mail, also of people without an account.'
            )}
            placeholder={trans.__('example.org, example.com')}
            spellCheck={false}
            value={draft.domains}
            disabled={busy}
            onChange={domains => change({ domains })}
          />
        </>
      ) : (
        <TextField
          id="dl-target-address"
          label={trans.__('URL')}
          description={urlHint(draft.channel, trans)}
          type="password"
          autoComplete="new-password"
          required={!keepsUrl}
          placeholder={
            keepsUrl
              ? trans.__('stays as it is, at %1', target.place)
              : undefined
          }
          value={draft.address}
          disabled={busy}
          onChange={address => change({ address })}
        />
      )}
      <TextField
        id="dl-target-description"
        label={trans.__('Description')}
        value={draft.description}
        disabled={busy}
        onChange={description => change({ description })}
      />
      <fieldset className="dl-Group">
        <legend>{trans.__('Environments')}</legend>
        <p className="dl-mod-quiet">
          {trans.__(
            'None: messages about all of them may go there. In a guarded environment that is checked, failures, recoveries and late results go there by themselves.'
          )}
        </p>
        {props.environments.map(name => (
          <Check
            key={name}
            label={name}
            checked={draft.environments.includes(name)}
            disabled={busy}
            onChange={included =>
              change({
                environments: toggleName(draft.environments, name, included)
              })
            }
          />
        ))}
      </fieldset>
      <Check
        label={trans.__('On')}
        description={trans.__('Messages go there.')}
        checked={draft.enabled}
        disabled={busy}
        onChange={enabled => change({ enabled })}
      />
      {draft.channel === 'webhook' && keepsUrl && (
        <Check
          label={trans.__('Make a new key')}
          description={trans.__(
            'The receiver has to know it before the next message.'
          )}
          checked={draft.newKey}
          disabled={busy}
          onChange={newKey => change({ newKey })}
        />
      )}
      <div className="dl-Form-submit">
        <button
          type="submit"
          className="jp-mod-styled jp-mod-accept"
          disabled={busy}
        >
          {target ? trans.__('Save') : trans.__('Add target')}
        </button>
        {saved && (
          <span className="dl-mod-quiet" role="status">
            {trans.__('Saved.')}
          </span>
        )}
      </div>
    </form>
  );
}

function urlHint(channel: TargetChannel, trans: TranslationBundle): string {
  switch (channel) {
    case 'slack':
      return trans.__(
        'The URL of an incoming webhook. It is a secret, and never shown again.'
      );
    case 'teams':
      return trans.__(
        'The URL of a Workflow that takes webhook requests. It is a secret, and never shown again.'
      );
    default:
      return trans.__(
        'It gets signed JSON (Standard Webhooks). It is a secret, and never shown again.'
      );
  }
}
