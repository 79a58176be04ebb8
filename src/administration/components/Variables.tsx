import { TranslationBundle } from '@jupyterlab/translation';
import React, { useState } from 'react';

import type { Actor, Secret, Variable } from '../../api';
import { useAction } from '../../shared/action';
import { Message } from '../../shared/components/Message';
import { Table } from '../../shared/components/Table';
import { RelativeTime } from '../../shared/components/Times';
import { askConfirmation } from '../../shared/confirm';

type Actions = {
  onSet: (name: string, value: string) => Promise<void>;
  onRemove: (name: string) => Promise<void>;
  trans: TranslationBundle;
};

/** The values that the kernels of an environment see as environment variables. */
export function Variables(
  props: Actions & { variables: Variable[] }
): JSX.Element {
  const { variables, trans } = props;
  return (
    <NamedValues
      {...props}
      kind="variable"
      title={trans.__('Variables')}
      description={trans.__('Everybody who can see this page can read them.')}
      remove={trans.__('Remove the variable')}
      entries={variables.map(variable => ({
        ...variable,
        shown: <code>{variable.value}</code>,
        verb: trans.__('Change')
      }))}
    />
  );
}

/** The secrets of an environment. They work like variables, but nobody can read their values again. */
export function Secrets(props: Actions & { secrets: Secret[] }): JSX.Element {
  const { secrets, trans } = props;
  return (
    <NamedValues
      {...props}
      kind="secret"
      title={trans.__('Secrets')}
      description={trans.__(
        'Runs get them; nobody reads them here. In outputs and logs they are masked, unless they have fewer than six characters.'
      )}
      remove={trans.__('Remove the secret')}
      entries={secrets.map(secret => ({
        ...secret,
        shown: secret.is_set
          ? trans.__('set, version %1', secret.version)
          : trans.__('not set: runs are refused until it is'),
        verb: secret.is_set ? trans.__('Replace') : trans.__('Set')
      }))}
    />
  );
}

type Entry = {
  name: string;
  shown: React.ReactNode;
  verb: string;
  value?: string;
  changed_at: string;
  changed_by: Actor;
};

function NamedValues(
  props: Actions & {
    kind: 'variable' | 'secret';
    title: string;
    description: string;
    /** Title of the question before a value is removed. */
    remove: string;
    entries: Entry[];
  }
): JSX.Element {
  const { kind, entries, trans } = props;
  const [name, setName] = useState('');
  const [value, setValue] = useState('');
  const { busy, problem, act } = useAction();
  const set = async () => {
    if (await act(() => props.onSet(name.trim(), value))) {
      setName('');
      setValue('');
    }
  };
  const remove = async (entryName: string) => {
    const isConfirmed = await askConfirmation(
      {
        title: props.remove,
        body: trans.__('Runs no longer get %1.', entryName),
        verb: trans.__('Remove')
      },
      trans
    );
    if (isConfirmed) {
      await act(() => props.onRemove(entryName));
    }
  };
  const id = `dl-${kind}`;
  return (
    <section className="dl-Section" aria-labelledby={id}>
      <h2 id={id}>{props.title}</h2>
      <p className="dl-mod-quiet">{props.description}</p>
      {problem && <Message kind="error" title={problem.message} />}
      {entries.length > 0 && (
        <Table
          columns={[trans.__('Name'), trans.__('Value'), trans.__('Changed')]}
          actions={trans.__('Actions')}
        >
          {entries.map(entry => (
            <tr key={entry.name}>
              <th scope="row">
                <code>{entry.name}</code>
              </th>
              <td className="dl-mod-break">{entry.shown}</td>
              <td>
                <RelativeTime instant={entry.changed_at} trans={trans} />{' '}
                {trans.__('by %1', entry.changed_by.name)}
              </td>
              <td className="dl-mod-actions">
                <button
                  className="dl-Button"
                  aria-label={`${entry.verb} ${entry.name}`}
                  disabled={busy}
                  onClick={() => {
                    setName(entry.name);
                    setValue(entry.value ?? '');
                    document.getElementById(`${id}-value`)?.focus();
                  }}
                >
                  {entry.verb}
                </button>
                <button
                  className="dl-Button"
                  aria-label={trans.__('Remove %1', entry.name)}
                  disabled={busy}
                  onClick={() => void remove(entry.name)}
                >
                  {trans.__('Remove')}
                </button>
              </td>
            </tr>
          ))}
        </Table>
      )}
      <form
        className="dl-Form dl-Inline"
        autoComplete="off"
        onSubmit={event => {
          event.preventDefault();
          void set();
        }}
      >
        <label htmlFor={`${id}-name`}>{trans.__('Name')}</label>
        <input
          id={`${id}-name`}
          type="text"
          className="jp-mod-styled"
          required
          spellCheck={false}
          value={name}
          disabled={busy}
          onChange={event => setName(event.target.value)}
        />
        <label htmlFor={`${id}-value`}>{trans.__('Value')}</label>
        {kind === 'secret' ? (
          <input
            id={`${id}-value`}
            type="password"
            className="jp-mod-styled"
            required
            autoComplete="new-password"
            value={value}
            disabled={busy}
            onChange={event => setValue(event.target.value)}
          />
        ) : (
          <input
            id={`${id}-value`}
            type="text"
            className="jp-mod-styled"
            spellCheck={false}
            value={value}
            disabled={busy}
            onChange={event => setValue(event.target.value)}
          />
        )}
        <button type="submit" className="dl-Button" disabled={busy}>
          {kind === 'secret'
            ? trans.__('Set the secret')
            : trans.__('Set the variable')}
        </button>
      </form>
    </section>
  );
}
