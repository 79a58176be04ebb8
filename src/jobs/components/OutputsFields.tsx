import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { OutputDeclaration } from '../../api';
import { Check } from '../../shared/components/Check';
import { Field } from '../../shared/components/Field';
import { OutputsDraft, textOf } from '../outputs';

/** The outputs that a run must leave, and whether it publishes them. */
export function OutputsFields(props: {
  draft: OutputsDraft;
  publishes: boolean;
  declared: readonly OutputDeclaration[];
  /** False where the outputs are those of a version or of the file of a pipeline. */
  mayDeclare: boolean;
  problem?: string;
  disabled: boolean;
  onChange: (change: Partial<OutputsDraft>) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { draft, declared, mayDeclare, disabled, onChange, trans } = props;
  const text = draft.text ?? textOf(declared);
  return (
    <>
      {mayDeclare ? (
        <Field
          id="dl-run-outputs"
          label={trans.__('Files that the run must leave')}
          description={trans.__(
            'One on each line, from the folder of the notebook. A path may name a parameter, like {region}, and the date as {nominal}. A file goes to another path with “sales.csv:monthly/{region}.csv”, the report with “report:sales.html”, the executed notebook with “notebook:sales.ipynb”.'
          )}
          problem={props.problem}
        >
          {attributes => (
            <textarea
              {...attributes}
              className="jp-mod-styled dl-mod-code"
              rows={Math.min(6, text.split('\n').length + 1)}
              value={text}
              placeholder={trans.__('reports/{region}-{nominal}.csv')}
              spellCheck={false}
              disabled={disabled}
              onChange={event => onChange({ text: event.target.value })}
            />
          )}
        </Field>
      ) : (
        declared.length > 0 && (
          <ul className="dl-Form-paths">
            {declared.map(({ path }) => (
              <li key={path}>
                <code>{path}</code>
              </li>
            ))}
          </ul>
        )
      )}
      {(!mayDeclare || text.trim()) && (
        <Check
          label={trans.__('Publish them when the run succeeds')}
          checked={props.publishes}
          disabled={disabled}
          onChange={publish => onChange({ publish })}
        />
      )}
      {props.problem && !mayDeclare && (
        <div className="dl-Field-problem" role="alert">
          {props.problem}
        </div>
      )}
    </>
  );
}
