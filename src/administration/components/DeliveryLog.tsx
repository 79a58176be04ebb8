import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Delivery } from '../../api';
import { Message } from '../../shared/components/Message';
import { Table } from '../../shared/components/Table';
import { RelativeTime } from '../../shared/components/Times';
import { channelLabel } from '../targetDraft';

/** The last deliveries, to `one` target or to `all`. */
export function DeliveryLog(props: {
  deliveries: Delivery[];
  shows: 'one' | 'all';
  trans: TranslationBundle;
}): JSX.Element {
  const { deliveries, shows, trans } = props;
  const isForAll = shows === 'all';
  return (
    <section className="dl-Section" aria-labelledby="dl-deliveries">
      <h2 id="dl-deliveries">{trans.__('Last deliveries')}</h2>
      {deliveries.length ? (
        <Table
          columns={[
            trans.__('When'),
            ...(isForAll ? [trans.__('To')] : []),
            trans.__('Message'),
            trans.__('Result')
          ]}
        >
          {deliveries.map(delivery => (
            <tr key={delivery.id} data-state={delivery.state}>
              <td>
                <RelativeTime instant={delivery.created_at} trans={trans} />
              </td>
              {isForAll && (
                <td className="dl-mod-break">
                  {delivery.to}{' '}
                  <span className="dl-mod-quiet">
                    {channelLabel(delivery.channel, trans)}
                  </span>
                </td>
              )}
              <td>{kindLabel(delivery.kind, trans)}</td>
              <td className="dl-mod-break">{resultLabel(delivery, trans)}</td>
            </tr>
          ))}
        </Table>
      ) : (
        <p className="dl-Empty">{trans.__('Nothing was delivered yet.')}</p>
      )}
    </section>
  );
}

/** The result of a test message. */
export function TestResult(props: {
  delivery: Delivery;
  trans: TranslationBundle;
}): JSX.Element {
  const { delivery, trans } = props;
  return delivery.state === 'sent' ? (
    <Message kind="info" title={trans.__('A test message was sent.')} />
  ) : (
    <Message kind="error" title={trans.__('It did not arrive.')}>
      <p>{delivery.error}</p>
    </Message>
  );
}

function resultLabel(delivery: Delivery, trans: TranslationBundle): string {
  const { state, attempts, error } = delivery;
  switch (state) {
    case 'sent':
      return attempts > 1
        ? trans.__('sent after %1 tries', attempts)
        : trans.__('sent');
    case 'failed':
      return trans.__('failed: %1', error ?? '');
    default:
      return error ? trans.__('is tried again: %1', error) : trans.__('waits');
  }
}

function kindLabel(kind: Delivery['kind'], trans: TranslationBundle): string {
  const labels: { [kind in Delivery['kind']]: string } = {
    failure: trans.__('failure'),
    recovery: trans.__('recovery'),
    late: trans.__('late'),
    missed: trans.__('missed'),
    refused: trans.__('refused'),
    paused: trans.__('paused'),
    success: trans.__('success'),
    duration_warning: trans.__('takes long'),
    approval_wanted: trans.__('approval wanted'),
    approval_given: trans.__('approval given'),
    digest: trans.__('digest'),
    test: trans.__('test')
  };
  return labels[kind] ?? kind;
}
