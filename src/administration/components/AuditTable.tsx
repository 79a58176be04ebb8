import { TranslationBundle } from '@jupyterlab/translation';
import { caretDownIcon, caretRightIcon } from '@jupyterlab/ui-components';
import React, { useState } from 'react';

import type { AuditEntry } from '../../api';
import { Digest } from '../../shared/components/Digest';
import { PhaseLabel } from '../../shared/components/StateLabel';
import { Table } from '../../shared/components/Table';
import { formatExact } from '../../shared/format';

/** The entries of the audit trail. One of them may be open, and shows what changed. */
export function AuditTable(props: {
  entries: readonly AuditEntry[];
  trans: TranslationBundle;
}): JSX.Element {
  const { entries, trans } = props;
  const [open, setOpen] = useState<number | null>(null);
  return (
    <Table
      className="dl-Table dl-Audit"
      columns={[
        trans.__('Entry'),
        trans.__('Time'),
        trans.__('By'),
        trans.__('Did'),
        trans.__('Object'),
        trans.__('Outcome')
      ]}
    >
      {entries.map(entry => (
        <React.Fragment key={entry.seq}>
          <Row
            entry={entry}
            isOpen={open === entry.seq}
            onToggle={() => setOpen(open === entry.seq ? null : entry.seq)}
            trans={trans}
          />
          {open === entry.seq && (
            <tr className="dl-Audit-details" id={detailsId(entry)}>
              <td colSpan={6}>
                <Details entry={entry} trans={trans} />
              </td>
            </tr>
          )}
        </React.Fragment>
      ))}
    </Table>
  );
}

function detailsId(entry: AuditEntry): string {
  return `dl-audit-entry-${entry.seq}`;
}

function Row(props: {
  entry: AuditEntry;
  isOpen: boolean;
  onToggle: () => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { entry, isOpen, trans } = props;
  const Caret = isOpen ? caretDownIcon : caretRightIcon;
  const { name } = entry.data as { name?: unknown };
  return (
    <tr data-outcome={entry.outcome}>
      <td>
        <button
          className="dl-Button dl-mod-link"
          aria-expanded={isOpen}
          aria-controls={isOpen ? detailsId(entry) : undefined}
          aria-label={trans.__('Details of entry %1', entry.seq)}
          onClick={props.onToggle}
        >
          <Caret.react tag="span" className="dl-Caret" />
          {entry.seq}
        </button>
      </td>
      <td>
        <time dateTime={entry.at}>{formatExact(entry.at)}</time>
      </td>
      <td title={entry.actor}>{entry.actor_name}</td>
      <td>{entry.verb.replace(/_/g, ' ')}</td>
      <td>
        {entry.object_kind}{' '}
        <span className="dl-Audit-object">
          {typeof name === 'string' ? name : entry.object_id}
        </span>
      </td>
      <td>
        {entry.outcome === 'refused' ? (
          <PhaseLabel
            phase="failed"
            label={trans.__('Refused')}
            trans={trans}
          />
        ) : (
          trans.__('Done')
        )}
      </td>
    </tr>
  );
}

function Details(props: {
  entry: AuditEntry;
  trans: TranslationBundle;
}): JSX.Element {
  const { entry, trans } = props;
  const facts: [string, React.ReactNode][] = [
    [trans.__('Object'), `${entry.object_kind} ${entry.object_id}`],
    [trans.__('Id of the person'), entry.actor],
    [trans.__('Project'), entry.project],
    [trans.__('Environment'), entry.environment],
    [trans.__('Digest'), <Digest digest={entry.digest} trans={trans} />],
    [trans.__('Chain'), <Digest digest={entry.chain} trans={trans} />]
  ];
  return (
    <>
      <dl className="dl-Audit-facts">
        {facts
          .filter(([, value]) => value)
          .map(([label, value]) => (
            <div key={label}>
              <dt>{label}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
      <Changes data={entry.data} trans={trans} />
    </>
  );
}

/** The fields that changed, each with its value before and now. */
function Changes(props: {
  data: AuditEntry['data'];
  trans: TranslationBundle;
}): JSX.Element | null {
  const { trans } = props;
  const { changes, ...others } = props.data;
  const fields = Object.entries({ ...others, ...(changes ?? {}) });
  return fields.length ? (
    <Table
      className="dl-Table dl-Audit-changes"
      aria-label={trans.__('Changes of the entry')}
      columns={[trans.__('Field'), trans.__('Before'), trans.__('Now')]}
    >
      {fields.map(([name, value]) => (
        <tr key={name}>
          <td>{name.replace(/_/g, ' ')}</td>
          <td>{isChange(value) && 'from' in value && textOf(value.from)}</td>
          <td>{textOf(isChange(value) ? value.to : value)}</td>
        </tr>
      ))}
    </Table>
  ) : null;
}

function isChange(value: unknown): value is { from?: unknown; to: unknown } {
  return typeof value === 'object' && value !== null && 'to' in value;
}

function textOf(value: unknown): string {
  if (value === null || value === undefined || value === '') {
    return '—';
  }
  return typeof value === 'string' ? value : JSON.stringify(value);
}
