import { TranslationBundle } from '@jupyterlab/translation';
import { addIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { Delivery, Target } from '../../api';
import { NameCell, Table } from '../../shared/components/Table';
import { RelativeTime } from '../../shared/components/Times';
import type { TargetsState } from '../targets';
import { channelLabel } from '../targetDraft';
import { DeliveryLog } from './DeliveryLog';
import { MailServerPart } from './MailServerPart';

/** The targets of messages, the mail server, and the last deliveries to all. */
export function Targets(props: {
  state: TargetsState;
  onSelect: (name: string) => void;
  onAdd: () => void;
  onSetPassword: (password: string) => Promise<void>;
  onTestMail: (address: string) => Promise<Delivery>;
  trans: TranslationBundle;
}): JSX.Element {
  const { state, trans } = props;
  const targets = state.targets!;
  return (
    <>
      <div className="dl-Bar">
        <p className="dl-mod-quiet">
          {trans.__(
            'Places to which messages go besides people’s own addresses.'
          )}
        </p>
        <button className="dl-Button" onClick={props.onAdd}>
          <addIcon.react tag="span" aria-hidden />
          {trans.__('Add target')}
        </button>
      </div>
      {targets.length ? (
        <Table
          columns={[
            trans.__('Name'),
            trans.__('Channel'),
            trans.__('To'),
            trans.__('Environments'),
            trans.__('Changed')
          ]}
        >
          {targets.map(target => (
            <tr key={target.name}>
              <NameCell
                name={target.name}
                description={target.description}
                onOpen={() => props.onSelect(target.name)}
              >
                {!target.enabled && (
                  <span className="dl-mod-quiet">{trans.__('off')}</span>
                )}
              </NameCell>
              <td>{channelLabel(target.channel, trans)}</td>
              <td className="dl-mod-break">{placeLabel(target, trans)}</td>
              <td>{target.environments.join(', ') || trans.__('all')}</td>
              <td>
                {target.changed_at && (
                  <>
                    <RelativeTime instant={target.changed_at} trans={trans} />{' '}
                    {trans.__('by %1', target.changed_by?.name ?? '')}
                  </>
                )}
              </td>
            </tr>
          ))}
        </Table>
      ) : (
        <p className="dl-Empty">
          {trans.__('There are no targets yet. Messages stay in JupyterLab.')}
        </p>
      )}
      {state.mail && (
        <MailServerPart
          mail={state.mail}
          onSetPassword={props.onSetPassword}
          onTest={props.onTestMail}
          trans={trans}
        />
      )}
      <DeliveryLog deliveries={state.log} shows="all" trans={trans} />
    </>
  );
}

function placeLabel(target: Target, trans: TranslationBundle): string {
  const domains = target.domains.length
    ? trans.__('addresses in %1', target.domains.join(', '))
    : '';
  return [target.place, domains].filter(Boolean).join('; ');
}
