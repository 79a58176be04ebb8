import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { EditableRows } from '../../administration/components/EditableRows';
import type { Interest, Recipient } from '../../api';
import { Check, toggleName } from '../../shared/components/Check';
import { RECIPIENT_INTERESTS } from '../recipients';

/** The people, addresses and targets that are told besides the owner and those who subscribed. */
export function RecipientFields(props: {
  recipients: Recipient[];
  problem?: string;
  disabled: boolean;
  onChange: (recipients: Recipient[]) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { recipients, problem, disabled, trans } = props;
  const shown: [Interest, string][] = [
    ['on_success', trans.__('Success')],
    ['on_failure', trans.__('Failure')],
    ['on_recovery', trans.__('Recovery')],
    ['on_late', trans.__('Late')]
  ];
  return (
    <>
      <h3>{trans.__('Also tell')}</h3>
      <p className="dl-mod-quiet">
        {trans.__(
          'The id of a person, a mail address in a domain that administrators allow, or target:NAME. You and those who subscribed are told anyway.'
        )}
      </p>
      {problem && (
        <div className="dl-Field-problem" role="alert">
          {problem}
        </div>
      )}
      <EditableRows
        rows={recipients}
        columns={[trans.__('Who'), trans.__('Told of')]}
        cells={(row, change, index) => (
          <>
            <td>
              <input
                className="jp-mod-styled"
                spellCheck={false}
                aria-label={trans.__('Recipient %1', index + 1)}
                value={row.to}
                disabled={disabled}
                onChange={event => change({ to: event.target.value })}
              />
            </td>
            <td className="dl-Recipients-on">
              {shown.map(([interest, label]) => (
                <Check
                  key={interest}
                  label={label}
                  checked={row.on?.includes(interest) ?? false}
                  disabled={disabled}
                  onChange={wanted =>
                    change({
                      on: toggleName(
                        row.on ?? [],
                        interest,
                        wanted
                      ) as Interest[]
                    })
                  }
                />
              ))}
            </td>
          </>
        )}
        newRow={{ to: '', on: RECIPIENT_INTERESTS }}
        add={trans.__('Add recipient')}
        disabled={disabled}
        onChange={props.onChange}
        trans={trans}
      />
    </>
  );
}
