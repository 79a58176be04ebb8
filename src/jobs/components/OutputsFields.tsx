import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { OutputDeclaration } from '../../api';
import { Check } from '../../shared/components/Check';
import { OutputsDraft, textOf } from '../outputs';

/** The outputs that a run must leave, and whether it publishes them. */
export function OutputsFields(props: {
  draft: OutputsDraft;
  declared: readonly OutputDeclaration[];
  disabled: boolean;
  onChange: (change: Partial<OutputsDraft>) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { draft, declared, disabled, onChange, trans } = props;
  const text = draft.text ?? textOf(declared);
  return (
    <div className="dl-Fields">
      <div className="dl-Field">
        <label htmlFor="dl-run-outputs">{trans.__('Outputs')}</label>
        <textarea
          id="dl-run-outputs"
          className="dl-Field-input"
          rows={Math.min(6, text.split('\n').length + 1)}
          value={text}
          placeholder={trans.__('reports/{region}-{nominal}.csv')}
          spellCheck={false}
          disabled={disabled}
          aria-describedby="dl-run-outputs-about"
          onChange={event => onChange({ text: event.target.value })}
        />
        <span id="dl-run-outputs-about" className="dl-mod-quiet">
          {trans.__(
            'The files that the run must leave, one on each line, from the folder of the notebook. “report:summary.html” is the report, “notebook:executed.ipynb” the executed notebook. A path may have a parameter, as {region}, and {nominal}, the date.'
          )}
        </span>
      </div>
      {text.trim() && (
        <Check
          label={trans.__('Publish them when the run succeeds')}
          checked={draft.publish}
          disabled={disabled}
          onChange={publish => onChange({ publish })}
        />
      )}
    </div>
  );
}
