import { TranslationBundle } from '@jupyterlab/translation';
import React, { useState } from 'react';

import type { Delivery, MailServer } from '../../api';
import { useAction } from '../../shared/action';
import { Message } from '../../shared/components/Message';
import { TestResult } from './DeliveryLog';

/** The mail server that the settings of the Jupyter server name, its password, and a mail to try it out. */
export function MailServerPart(props: {
  mail: MailServer;
  onSetPassword: (password: string) => Promise<void>;
  onTest: (address: string) => Promise<Delivery>;
  trans: TranslationBundle;
}): JSX.Element {
  const { mail, trans } = props;
  const [password, setPassword] = useState('');
  const [address, setAddress] = useState('');
  const [tested, setTested] = useState<Delivery | null>(null);
  const { busy, problem, act } = useAction();
  const set = async () => {
    if (await act(() => props.onSetPassword(password))) {
      setPassword('');
    }
  };
  const test = () =>
    act(async () => {
      setTested(null);
      setTested(await props.onTest(address.trim()));
    });
  return (
    <section className="dl-Section" aria-labelledby="dl-mail-server">
      <h2 id="dl-mail-server">{trans.__('Mail server')}</h2>
      {mail.is_set ? (
        <p>
          {trans.__(
            'Mail comes from %1 by %2, port %3.',
            mail.sender ?? '',
            mail.host ?? '',
            mail.port ?? 0
          )}{' '}
          {mail.user &&
            (mail.has_password
              ? trans.__('The user %1 has a password.', mail.user)
              : trans.__('The user %1 has no password yet.', mail.user))}
        </p>
      ) : (
        <Message kind="info" title={trans.__('No mail is sent.')}>
          <p>
            {trans.__(
              'The settings DataOpsApp.mail_server and mail_from of this server name a mail server. Without one, messages stay in JupyterLab or go to other targets.'
            )}
          </p>
        </Message>
      )}
      {problem && <Message kind="error" title={problem.message} />}
      {mail.user && (
        <form
          className="dl-Form dl-Inline"
          autoComplete="off"
          onSubmit={event => {
            event.preventDefault();
            void set();
          }}
        >
          <label htmlFor="dl-mail-password">
            {trans.__('Password of %1', mail.user)}
          </label>
          <input
            id="dl-mail-password"
            type="password"
            className="jp-mod-styled"
            required
            autoComplete="new-password"
            value={password}
            disabled={busy}
            onChange={event => setPassword(event.target.value)}
          />
          <button type="submit" className="dl-Button" disabled={busy}>
            {mail.has_password
              ? trans.__('Replace the password')
              : trans.__('Set the password')}
          </button>
        </form>
      )}
      {mail.is_set && (
        <form
          className="dl-Form dl-Inline"
          onSubmit={event => {
            event.preventDefault();
            void test();
          }}
        >
          <label htmlFor="dl-mail-test">{trans.__('Address')}</label>
          <input
            id="dl-mail-test"
            type="email"
            className="jp-mod-styled"
            required
            value={address}
            disabled={busy}
            onChange={event => setAddress(event.target.value)}
          />
          <button type="submit" className="dl-Button" disabled={busy}>
            {trans.__('Send a test mail')}
          </button>
        </form>
      )}
      <div aria-live="polite">
        {tested && <TestResult delivery={tested} trans={trans} />}
      </div>
    </section>
  );
}
