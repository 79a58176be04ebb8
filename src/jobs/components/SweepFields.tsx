import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { TextField } from '../../shared/components/TextField';
import { MAX_POINTS, SweepDraft } from '../sweep';

/** The number of runs that parameters with several values make, and how these are treated. */
export function SweepFields(props: {
  count: number;
  draft: SweepDraft;
  problems: { [name: string]: string | undefined };
  disabled: boolean;
  onChange: (change: Partial<SweepDraft>) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { count, draft, problems, disabled, onChange, trans } = props;
  return (
    <section className="dl-SweepFields">
      <p aria-live="polite" data-runs={count}>
        <strong>{trans._n('%1 run', '%1 runs', count)}</strong>
        {': '}
        {trans.__('one for each combination of the values.')}
        {count > MAX_POINTS && (
          <span className="dl-Field-problem" role="alert">
            {' '}
            {trans.__('At most %1 are possible at once.', MAX_POINTS)}
          </span>
        )}
      </p>
      <div className="dl-Fields">
        <TextField
          id="dl-run-concurrency"
          label={trans.__('Active at once')}
          inputMode="numeric"
          placeholder={trans.__('all')}
          value={draft.concurrency}
          problem={problems.concurrency}
          disabled={disabled}
          onChange={concurrency => onChange({ concurrency })}
        />
        <TextField
          id="dl-run-max-failures"
          label={trans.__('May fail')}
          hint={trans.__('such as 3 or 5%')}
          placeholder={trans.__('none')}
          value={draft.max_failures}
          problem={problems.max_failures}
          disabled={disabled}
          onChange={max_failures => onChange({ max_failures })}
        />
      </div>
      {!draft.concurrency.trim() && (
        <p className="dl-mod-quiet">
          {trans.__(
            'All runs enter the queue at once. A run that waits there for too long expires: limit how many are active at once if they take longer than a day.'
          )}
        </p>
      )}
    </section>
  );
}
