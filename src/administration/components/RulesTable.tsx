import { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect } from '@jupyterlab/ui-components';
import React from 'react';

import { labelOf } from '../../shared/phases';
import { TERMINAL } from '../../shared/runs';

/** What stands in the row of a rule; empty for all, and for no limit. */
export type RuleDraft = {
  environment: string;
  state: string;
  days: string;
  last: string;
};

export function RulesTable(props: {
  drafts: RuleDraft[];
  /** By number of the row and name of the field. */
  problems: { [name: string]: string };
  environments: string[];
  disabled: boolean;
  onChange: (drafts: RuleDraft[]) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { drafts, problems, disabled, onChange, trans } = props;
  const change = (index: number, part: Partial<RuleDraft>) =>
    onChange(drafts.map((it, at) => (at === index ? { ...it, ...part } : it)));
  const number = (index: number, name: 'days' | 'last', label: string) => {
    const problem = problems[`${index}-${name}`];
    return (
      <td>
        <input
          type="number"
          min={0}
          className="jp-mod-styled"
          aria-label={label}
          aria-invalid={problem ? true : undefined}
          placeholder={trans.__('none')}
          value={drafts[index][name]}
          disabled={disabled}
          onChange={event => change(index, { [name]: event.target.value })}
        />
        {problem && (
          <div className="dl-Field-problem" role="alert">
            {problem}
          </div>
        )}
      </td>
    );
  };
  return (
    <>
      {drafts.length > 0 ? (
        <table className="dl-Table dl-mod-fields">
          <thead>
            <tr>
              <th scope="col">{trans.__('Environment')}</th>
              <th scope="col">{trans.__('State')}</th>
              <th scope="col">{trans.__('Keep for days')}</th>
              <th scope="col">{trans.__('Keep the last of each job')}</th>
              <th scope="col">
                <span className="dl-mod-hidden">{trans.__('Actions')}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {drafts.map((draft, index) => (
              <tr key={index}>
                <td>
                  <HTMLSelect
                    aria-label={trans.__('Environment')}
                    value={draft.environment}
                    disabled={disabled}
                    onChange={event =>
                      change(index, { environment: event.target.value })
                    }
                  >
                    <option value="">{trans.__('all others')}</option>
                    {props.environments.map(name => (
                      <option key={name}>{name}</option>
                    ))}
                  </HTMLSelect>
                </td>
                <td>
                  <HTMLSelect
                    aria-label={trans.__('State')}
                    value={draft.state}
                    disabled={disabled}
                    onChange={event =>
                      change(index, { state: event.target.value })
                    }
                  >
                    <option value="">{trans.__('all others')}</option>
                    {[...TERMINAL].map(state => (
                      <option key={state} value={state}>
                        {labelOf(state, trans)}
                      </option>
                    ))}
                  </HTMLSelect>
                </td>
                {number(index, 'days', trans.__('Keep for days'))}
                {number(index, 'last', trans.__('Keep the last of each job'))}
                <td>
                  <button
                    type="button"
                    className="dl-Button dl-mod-link"
                    disabled={disabled}
                    onClick={() =>
                      onChange(drafts.filter((_, at) => at !== index))
                    }
                  >
                    {trans.__('Leave out')}
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : (
        <p className="dl-Empty">{trans.__('No rule: everything stays.')}</p>
      )}
      <button
        type="button"
        className="dl-Button"
        disabled={disabled}
        onClick={() =>
          onChange([
            ...drafts,
            { environment: '', state: '', days: '30', last: '10' }
          ])
        }
      >
        {trans.__('Add a rule')}
      </button>
    </>
  );
}
