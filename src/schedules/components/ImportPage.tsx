import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { PlannedSchedule } from '../../api';
import { Check } from '../../shared/components/Check';
import { Message } from '../../shared/components/Message';
import { Table } from '../../shared/components/Table';
import { TextField } from '../../shared/components/TextField';
import { ImportDraft, ImportState, wantedOf } from '../importModel';

type Props = {
  state: ImportState;
  onEdit: (change: Partial<ImportDraft>) => void;
  onChoose: (id: string, isWanted: boolean) => void;
  onImport: () => void;
  onOpen: (scheduleId: string) => void;
  trans: TranslationBundle;
};

/** The schedules of jupyter-scheduler on this server, what becomes of each, and the import. */
export function ImportPage(props: Props): JSX.Element {
  const { state, trans } = props;
  const { draft, found, busy, trouble } = state;
  const count = wantedOf(state).length;
  return (
    <>
      <h1>{trans.__('Import schedules of jupyter-scheduler')}</h1>
      <p>
        {trans.__(
          'Nothing is changed before you press Import. A schedule that is imported stays paused as long as jupyter-scheduler still runs the old one.'
        )}
      </p>
      <form
        aria-label={trans.__('Import')}
        onSubmit={event => {
          event.preventDefault();
          props.onImport();
        }}
      >
        <TextField
          id="dl-import-folder"
          label={trans.__('Look for the notebooks in')}
          description={trans.__(
            'A folder of the file browser; empty for all. Copies of notebooks that are not there go to “imported-schedules” in it.'
          )}
          value={draft.folder}
          disabled={busy && state.isDone}
          onChange={folder => props.onEdit({ folder })}
        />
        <Check
          label={trans.__('Take notebooks that have changed as they are now')}
          checked={draft.workingFiles}
          disabled={busy}
          onChange={workingFiles => props.onEdit({ workingFiles })}
        />
        <Check
          label={trans.__('Pause the old ones, and start the new ones')}
          checked={draft.pauseOld}
          disabled={busy}
          onChange={pauseOld => props.onEdit({ pauseOld })}
        />
        <div aria-live="polite">
          {trouble && <Message kind="error" title={trouble.message} />}
          {state.isDone && <Done {...props} />}
          {found && !found.items.length && (
            <p className="dl-Empty">
              {trans.__('%1 has no schedules.', found.source)}
            </p>
          )}
        </div>
        <p className="dl-Buttons">
          <button
            type="submit"
            className="jp-mod-styled jp-mod-accept"
            disabled={busy || count === 0}
          >
            {count
              ? trans._n('Import %1 schedule', 'Import %1 schedules', count)
              : trans.__('Nothing to import')}
          </button>
        </p>
      </form>
      {found && found.items.length > 0 && (
        <>
          <p className="dl-mod-quiet">{found.source}</p>
          <Table
            className="dl-Table dl-ImportTable"
            columns={[
              trans.__('Import'),
              trans.__('Old schedule'),
              trans.__('When'),
              trans.__('Becomes')
            ]}
          >
            {found.items.map(item => (
              <Row key={item.id} {...props} item={item} />
            ))}
          </Table>
        </>
      )}
    </>
  );
}

function Done(props: Props): JSX.Element {
  const { state, trans } = props;
  const made = (state.found?.items ?? []).filter(
    ({ fate }) => fate === 'imported'
  );
  const waiting = made.filter(item => item.waits);
  return (
    <Message
      kind="info"
      title={trans._n(
        '%1 schedule is there now.',
        '%1 schedules are there now.',
        made.length
      )}
    >
      {waiting.length > 0 && (
        <p>
          {trans._n(
            '%1 is paused, because jupyter-scheduler still runs it.',
            '%1 are paused, because jupyter-scheduler still runs them.',
            waiting.length
          )}
        </p>
      )}
    </Message>
  );
}

function Row(props: Props & { item: PlannedSchedule }): JSX.Element {
  const { item, state, trans } = props;
  const isWanted = wantedOf(state).some(({ id }) => id === item.id);
  const canBe = isWanted || state.left.has(item.id);
  return (
    <tr data-definition={item.old_name} data-fate={item.fate}>
      <td>
        <input
          type="checkbox"
          aria-label={trans.__('Import %1', item.old_name)}
          checked={isWanted}
          disabled={!canBe || state.busy}
          onChange={event => props.onChoose(item.id, event.target.checked)}
        />
      </td>
      <td>
        {item.old_name}
        <div className="dl-mod-quiet">
          {item.is_active ? trans.__('active') : trans.__('paused')}
        </div>
      </td>
      <td>
        <code>{item.cron ?? '–'}</code>
        <div className="dl-mod-quiet">{item.timezone ?? 'UTC'}</div>
      </td>
      <td>
        <Fate {...props} />
        <ul className="dl-ImportTable-notes">
          {item.notes.map(({ kind, message }) => (
            <li key={message} data-kind={kind}>
              <span className="dl-mod-quiet">{labelOfNote(kind, trans)}</span>{' '}
              {message}
            </li>
          ))}
        </ul>
      </td>
    </tr>
  );
}

function Fate(props: Props & { item: PlannedSchedule }): JSX.Element {
  const { item, trans } = props;
  switch (item.fate) {
    case 'new':
      return (
        <strong>
          {item.path === null
            ? trans.__('%1, with a copy of the notebook', item.name)
            : trans.__('%1, with %2', item.name, item.path)}
        </strong>
      );
    case 'imported':
      return (
        <button
          type="button"
          className="dl-Button dl-mod-link"
          onClick={() => props.onOpen(item.schedule_id!)}
        >
          {item.is_paused
            ? trans.__('%1, paused', item.name)
            : trans.__('%1, active', item.name)}
        </button>
      );
    case 'impossible':
      return <strong>{trans.__('It cannot be imported')}</strong>;
  }
}

function labelOfNote(
  kind: PlannedSchedule['notes'][number]['kind'],
  trans: TranslationBundle
): string {
  return {
    carried_over: trans.__('Carried over:'),
    changed: trans.__('Changed:'),
    not_carried_over: trans.__('Not carried over:')
  }[kind];
}
