import { TranslationBundle } from '@jupyterlab/translation';
import React, { useState } from 'react';

import type { DeliveryTimes, Subscription } from '../../api';
import { Check } from '../../shared/components/Check';
import { Message } from '../../shared/components/Message';
import { Table } from '../../shared/components/Table';
import { TextField } from '../../shared/components/TextField';
import { RelativeTime } from '../../shared/components/Times';
import { Trouble } from '../../shared/components/Trouble';
import { interests } from '../choices';
import type { SettingsState } from '../settingsModel';

type Props = {
  state: SettingsState;
  /** The time zone of this browser. */
  zone: string;
  onAddress: (address: string) => void;
  onCode: (code: string) => void;
  onRemove: () => void;
  onTimes: (times: DeliveryTimes) => void;
  onUnsubscribe: (subscription: Subscription) => void;
  onRetry: () => void;
  trans: TranslationBundle;
};

/** The page of a person: where messages go, when they come, and what they told DataOps to tell. */
export function MySettings(props: Props): JSX.Element {
  const { state, trans } = props;
  if (state.trouble) {
    return (
      <Trouble problem={state.trouble} onRetry={props.onRetry} trans={trans} />
    );
  }
  if (!state.me) {
    return <p className="dl-Empty">{trans.__('Loading…')}</p>;
  }
  return (
    <>
      <h1>{trans.__('My notifications')}</h1>
      <Address {...props} />
      <Times key={JSON.stringify(state.me.times)} {...props} />
      <Subscriptions {...props} />
    </>
  );
}

function Address(props: Props): JSX.Element {
  const { state, trans } = props;
  const me = state.me!;
  const [address, setAddress] = useState('');
  const [code, setCode] = useState('');
  const problemOf = (act: string) =>
    state.refusal?.act === act ? state.refusal.problem.message : undefined;
  return (
    <section aria-labelledby="dl-my-address-title">
      <h2 id="dl-my-address-title">{trans.__('Mail address')}</h2>
      {!me.has_mail && (
        <Message
          kind="info"
          title={trans.__('This installation sends no mail.')}
        >
          <p>
            {trans.__(
              'Messages are shown in JupyterLab. An administrator can set a mail server.'
            )}
          </p>
        </Message>
      )}
      <p role="status">
        {me.address
          ? trans.__('Messages go to %1.', me.address)
          : trans.__('You have no confirmed address.')}{' '}
        {me.address && (
          <button
            type="button"
            className="dl-Button"
            disabled={state.busy !== null}
            onClick={props.onRemove}
          >
            {trans.__('Remove')}
          </button>
        )}
      </p>
      {me.pending_address && (
        <form
          className="dl-Form"
          onSubmit={event => {
            event.preventDefault();
            props.onCode(code);
          }}
        >
          <TextField
            id="dl-my-code"
            label={trans.__('Code')}
            description={trans.__(
              'A mail to %1 has it. The address gets nothing else until you confirm it.',
              me.pending_address
            )}
            value={code}
            autoComplete="one-time-code"
            spellCheck={false}
            problem={problemOf('code')}
            onChange={setCode}
            beside={
              <button
                type="submit"
                className="jp-mod-styled jp-mod-accept"
                disabled={!code.trim() || state.busy !== null}
              >
                {trans.__('Confirm')}
              </button>
            }
          />
        </form>
      )}
      {me.has_mail && (
        <form
          className="dl-Form"
          onSubmit={event => {
            event.preventDefault();
            props.onAddress(address);
          }}
        >
          <TextField
            id="dl-my-address"
            label={
              me.address || me.pending_address
                ? trans.__('Another address')
                : trans.__('Address')
            }
            description={trans.__('A code is sent there.')}
            value={address}
            autoComplete="email"
            problem={problemOf('address')}
            onChange={setAddress}
            beside={
              <button
                type="submit"
                className="jp-mod-styled"
                disabled={!address.trim() || state.busy !== null}
              >
                {state.busy === 'address'
                  ? trans.__('Sending…')
                  : trans.__('Send code')}
              </button>
            }
          />
        </form>
      )}
    </section>
  );
}

function Times(props: Props): JSX.Element {
  const { state, trans } = props;
  const me = state.me!;
  const isNew = !me.times.quiet && !me.times.digest_at;
  const [timezone, setTimezone] = useState(
    isNew ? props.zone : me.times.timezone
  );
  const [quiet, setQuiet] = useState(me.times.quiet ?? null);
  const [digest, setDigest] = useState(me.times.digest_at ?? null);
  const problem =
    state.refusal?.act === 'times' ? state.refusal.problem.message : undefined;
  return (
    <section aria-labelledby="dl-my-times-title">
      <h2 id="dl-my-times-title">{trans.__('When')}</h2>
      <p className="dl-mod-quiet">
        {trans.__(
          'These hold mail, not what JupyterLab shows, and no failure of production.'
        )}
      </p>
      <form
        className="dl-Form"
        onSubmit={event => {
          event.preventDefault();
          props.onTimes({ timezone, quiet, digest_at: digest });
        }}
      >
        <Check
          label={trans.__('Quiet hours')}
          description={trans.__('Messages wait until they end.')}
          checked={quiet !== null}
          disabled={false}
          onChange={wanted =>
            setQuiet(wanted ? { start: '19:00', end: '08:00' } : null)
          }
        />
        {quiet && (
          <div className="dl-MySettings-row">
            <TextField
              id="dl-my-quiet-start"
              label={trans.__('From')}
              type="time"
              required
              value={quiet.start}
              onChange={start => setQuiet({ ...quiet, start })}
            />
            <TextField
              id="dl-my-quiet-end"
              label={trans.__('Until')}
              type="time"
              required
              value={quiet.end}
              onChange={end => setQuiet({ ...quiet, end })}
            />
          </div>
        )}
        <Check
          label={trans.__('One message a day')}
          description={trans.__('All that can wait comes together.')}
          checked={digest !== null}
          disabled={false}
          onChange={wanted => setDigest(wanted ? '08:00' : null)}
        />
        {digest !== null && (
          <TextField
            id="dl-my-digest"
            label={trans.__('At')}
            type="time"
            required
            value={digest}
            onChange={setDigest}
          />
        )}
        <TextField
          id="dl-my-zone"
          label={trans.__('Time zone')}
          value={timezone}
          problem={problem}
          onChange={setTimezone}
        />
        <p className="dl-Buttons">
          <button
            type="submit"
            className="jp-mod-styled jp-mod-accept"
            disabled={state.busy !== null}
          >
            {trans.__('Save')}
          </button>
          <span role="status">
            {state.done === 'times' && trans.__('Saved.')}
          </span>
        </p>
      </form>
      {me.held.length > 0 && (
        <p>
          {trans._n(
            'One message waits until',
            '%1 messages wait, the first until',
            me.held.length
          )}{' '}
          <RelativeTime instant={me.held[0].until} trans={trans} />.
        </p>
      )}
    </section>
  );
}

function Subscriptions(props: Props): JSX.Element {
  const { state, trans } = props;
  const words = new Map(interests(trans));
  return (
    <section aria-labelledby="dl-my-subscriptions-title">
      <h2 id="dl-my-subscriptions-title">{trans.__('Subscriptions')}</h2>
      {state.refusal?.act === 'unsubscribe' && (
        <Message kind="error" title={state.refusal.problem.message} />
      )}
      {state.subscriptions.length === 0 ? (
        <p className="dl-Empty">
          {trans.__(
            'None: you hear of trouble with what you own. The bell on the page of a schedule or job changes that.'
          )}
        </p>
      ) : (
        <Table
          className="dl-Table"
          columns={[trans.__('What'), trans.__('Told when'), trans.__('By')]}
          actions={trans.__('Actions')}
        >
          {state.subscriptions.map(each => (
            <tr key={`${each.object_kind} ${each.object_id}`}>
              <td>
                {each.object_name}{' '}
                <span className="dl-mod-quiet">
                  {kindName(each.object_kind, trans)}
                </span>
              </td>
              <td>
                {each.choice?.on.map(on => words.get(on)).join(', ') ||
                  trans.__('never')}
              </td>
              <td>
                {each.choice?.on.length ? each.choice.channels.join(', ') : '–'}
              </td>
              <td>
                <button
                  type="button"
                  className="dl-Button"
                  aria-label={trans.__(
                    'As by default for %1',
                    each.object_name
                  )}
                  onClick={() => props.onUnsubscribe(each)}
                >
                  {trans.__('As by default')}
                </button>
              </td>
            </tr>
          ))}
        </Table>
      )}
    </section>
  );
}

function kindName(
  kind: Subscription['object_kind'],
  trans: TranslationBundle
): string {
  return {
    job: trans.__('job'),
    schedule: trans.__('schedule'),
    environment: trans.__('environment')
  }[kind];
}
