import { TranslationBundle } from '@jupyterlab/translation';
import React, { useState } from 'react';

import type { Schedule } from '../../api';
import { CopyButton } from '../../shared/components/CopyButton';
import { Message } from '../../shared/components/Message';
import { RelativeTime } from '../../shared/components/Times';

type Props = {
  webhook: NonNullable<Schedule['webhook']>;
  /** The whole address. */
  address: string;
  /** The places of parameters in a request, by parameter. */
  places: { [parameter: string]: string };
  /** Make a secret, and return it; null when nothing was made. */
  onNewSecret: () => Promise<string | null>;
  trans: TranslationBundle;
};

/** The address to which other programs send, and the secret with which they sign: shown once, when it is made. */
export function WebhookSection(props: Props): JSX.Element {
  const { webhook, trans } = props;
  const [secret, setSecret] = useState<string | null>(null);
  const places = Object.entries(props.places);
  return (
    <section aria-labelledby="dl-webhook" className="dl-Webhook">
      <h2 id="dl-webhook">{trans.__('Webhook')}</h2>
      <div aria-live="polite">
        {secret !== null ? (
          <Message
            kind="info"
            title={trans.__('Copy the secret now. It is not shown again.')}
          >
            <Copyable
              text={secret}
              label={trans.__('Copy the secret')}
              trans={trans}
            />
            <p>
              <button
                type="button"
                className="dl-Button"
                onClick={() => setSecret(null)}
              >
                {trans.__('I have it')}
              </button>
            </p>
          </Message>
        ) : (
          webhook.secret_changed_at === null && (
            <Message
              kind="warning"
              title={trans.__('Nothing starts until there is a secret.')}
            />
          )
        )}
      </div>
      <table className="dl-Table dl-mod-facts">
        <tbody>
          <tr>
            <th scope="row">{trans.__('Address')}</th>
            <td>
              <Copyable
                text={props.address}
                label={trans.__('Copy the address')}
                trans={trans}
              />
            </td>
          </tr>
          <tr>
            <th scope="row">{trans.__('Secret')}</th>
            <td>
              {webhook.secret_changed_at ? (
                <>
                  {trans.__('set by %1', webhook.secret_changed_by?.name ?? '')}{' '}
                  <RelativeTime
                    instant={webhook.secret_changed_at}
                    trans={trans}
                  />
                </>
              ) : (
                trans.__('none')
              )}
              {webhook.previous_until && (
                <>
                  {'; '}
                  {trans.__('the one before ends')}{' '}
                  <RelativeTime
                    instant={webhook.previous_until}
                    trans={trans}
                  />
                </>
              )}
            </td>
          </tr>
          {places.length > 0 && (
            <tr>
              <th scope="row">{trans.__('From the request')}</th>
              <td>
                {places.map(([name, place]) => `${name}: ${place}`).join(', ')}
              </td>
            </tr>
          )}
        </tbody>
      </table>
      <p className="dl-Buttons">
        <button
          type="button"
          className="dl-Button"
          onClick={() => void props.onNewSecret().then(setSecret)}
        >
          {webhook.secret_changed_at
            ? trans.__('New secret…')
            : trans.__('Make a secret')}
        </button>
      </p>
    </section>
  );
}

function Copyable(props: {
  text: string;
  label: string;
  trans: TranslationBundle;
}): JSX.Element {
  return (
    <span className="dl-Copyable">
      <code>{props.text}</code>
      <CopyButton {...props} />
    </span>
  );
}
