import { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect } from '@jupyterlab/ui-components';
import React from 'react';

import { labelOf } from '../../shared/phases';
import { TERMINAL } from '../../shared/runs';
import { EditableRows } from './EditableRows';

/** The texts in the row of a rule. An empty text means all, or no limit. */
export type RuleDraft = {
  environment: string;
  state: string;
  days: string;
  last: string;
};

const NEW_RULE: RuleDraft = {
  environment: '',
  state: '',
  days: '30',
  last: '10'
};

export function RulesTable(props: {
  drafts: RuleDraft[];
  /** Sentences by number of the row and name of the field. */
  problems: { [name: string]: string };
  environments: string[];
  disabled: boolean;
  onChange: (drafts: RuleDraft[]) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { drafts, problems, disabled, trans } = props;
  const labels = {
    environment: trans.__('Environment'),
    state: trans.__('State'),
    days: trans.__('Keep for days'),
    last: trans.__('Keep the last of each job')
  };
  const choice = (
    name: 'environment' | 'state',
    draft: RuleDraft,
    change: (part: Partial<RuleDraft>) => void,
    options: React.ReactNode
  ) => (
    <td>
      <HTMLSelect
        aria-label={labels[name]}
        value={draft[name]}
        disabled={disabled}
        onChange={event => change({ [name]: event.target.value })}
      >
        <option value="">{trans.__('all others')}</option>
        {options}
      </HTMLSelect>
    </td>
  );
  const number = (
    name: 'days' | 'last',
    draft: RuleDraft,
    change: (part: Partial<RuleDraft>) => void,
    problem: string | undefined
  ) => (
    <td>
      <input
        type="number"
        min={0}
        className="jp-mod-styled"
        aria-label={labels[name]}
        aria-invalid={problem ? true : undefined}
        placeholder={trans.__('none')}
        value={draft[name]}
        disabled={disabled}
        onChange={event => change({ [name]: event.target.value })}
      />
      {problem && (
        <div className="dl-Field-problem" role="alert">
          {problem}
        </div>
      )}
    </td>
  );
  return (
    <EditableRows
      rows={drafts}
      columns={Object.values(labels)}
      cells={(draft, change, index) => (
        <>
          {choice(
            'environment',
            draft,
            change,
            props.environments.map(name => <option key={name}>{name}</option>)
          )}
          {choice(
            'state',
            draft,
            change,
            [...TERMINAL].map(state => (
              <option key={state} value={state}>
                {labelOf(state, trans)}
              </option>
            ))
          )}
          {number('days', draft, change, problems[`${index}-days`])}
          {number('last', draft, change, problems[`${index}-last`])}
        </>
      )}
      newRow={NEW_RULE}
      add={trans.__('Add a rule')}
      disabled={disabled}
      onChange={props.onChange}
      trans={trans}
    >
      {!drafts.length && (
        <p className="dl-Empty">{trans.__('No rule: everything stays.')}</p>
      )}
    </EditableRows>
  );
}
