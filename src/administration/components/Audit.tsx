import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { AuditVerification } from '../../api';
import { useAction } from '../../shared/action';
import { Digest } from '../../shared/components/Digest';
import { Message } from '../../shared/components/Message';
import { AuditFilter, AuditState } from '../audit';
import { AuditFilters } from './AuditFilters';
import { AuditTable } from './AuditTable';

/** The audit trail: its check, its filters and its entries, newest first. */
export function Audit(props: {
  state: AuditState;
  onFilter: (filter: AuditFilter) => void;
  onMore: () => Promise<void>;
  onVerify: () => Promise<void>;
  trans: TranslationBundle;
}): JSX.Element {
  const { state, trans } = props;
  const entries = state.entries ?? [];
  const check = useAction();
  const more = useAction();
  return (
    <>
      <div className="dl-Bar">
        <p className="dl-mod-quiet">
          {trans.__(
            'Every change and every refused change. The check finds entries that were edited or deleted.'
          )}
        </p>
        <button
          className="dl-Button"
          disabled={check.busy}
          onClick={() => void check.act(props.onVerify)}
        >
          {check.busy ? trans.__('Checking…') : trans.__('Check the trail')}
        </button>
      </div>
      <div aria-live="polite">
        {check.problem && (
          <Message kind="error" title={check.problem.message} />
        )}
        {state.verification && (
          <Verification result={state.verification} trans={trans} />
        )}
      </div>
      <AuditFilters
        filter={state.filter}
        environments={state.environments}
        onFilter={props.onFilter}
        trans={trans}
      />
      {entries.length > 0 ? (
        <AuditTable entries={entries} trans={trans} />
      ) : (
        <p className="dl-Empty">
          {trans.__('There are no such entries. Clear a filter to see more.')}
        </p>
      )}
      {state.hasMore && (
        <button
          className="dl-Button"
          disabled={more.busy}
          onClick={() => void more.act(props.onMore)}
        >
          {trans.__('Show more')}
        </button>
      )}
    </>
  );
}

function Verification(props: {
  result: AuditVerification;
  trans: TranslationBundle;
}): JSX.Element {
  const { result, trans } = props;
  const { findings } = result;
  return (
    <Message
      kind={findings.length ? 'error' : 'info'}
      title={
        findings.length
          ? trans.__('The audit trail is not as it was written.')
          : trans._n(
              'The audit trail is whole: %1 entry.',
              'The audit trail is whole: %1 entries.',
              result.entries
            )
      }
    >
      {findings.length > 0 && (
        <ul>
          {findings.map(finding => (
            <li key={finding.message}>{finding.message}</li>
          ))}
        </ul>
      )}
      {result.replaced_by_restore > 0 && (
        <p>
          {trans._n(
            'A restore replaced the trail: %1 known head belonged to the one before.',
            'A restore replaced the trail: %1 known heads belonged to the one before.',
            result.replaced_by_restore
          )}
        </p>
      )}
      <p>
        {trans.__('Keep its head elsewhere to prove that later:')}{' '}
        <Digest digest={result.head} trans={trans} />
      </p>
    </Message>
  );
}
