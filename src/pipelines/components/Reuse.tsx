import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { StepReuse } from '../../api';
import { Check } from '../../shared/components/Check';
import { Table } from '../../shared/components/Table';

/** The choice to reuse results of unchanged steps, and what a run with it would do with each step. */
export function Reuse(props: {
  isWanted: boolean;
  /** Null while it is not known. */
  preview: StepReuse[] | null;
  disabled: boolean;
  onChange: (isWanted: boolean) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { isWanted, preview, trans } = props;
  return (
    <>
      <Check
        label={trans.__('Reuse results of unchanged steps')}
        description={trans.__(
          'A step takes over an earlier result when its code, image, parameters, files and variables are the same.'
        )}
        checked={isWanted}
        disabled={props.disabled}
        onChange={props.onChange}
      />
      {isWanted && (
        <div aria-live="polite" aria-busy={!preview}>
          {preview && (
            <Table
              className="dl-Table dl-Reuse"
              columns={[
                trans.__('Step'),
                trans.__('In this run'),
                trans.__('Reason')
              ]}
            >
              {preview.map(step => (
                <tr key={step.id} data-step={step.id} data-fate={step.fate}>
                  <th scope="row">{step.title || step.id}</th>
                  <td>{labelOfFate(step, trans)}</td>
                  <td className="dl-mod-break">{step.why}</td>
                </tr>
              ))}
            </Table>
          )}
        </div>
      )}
    </>
  );
}

function labelOfFate(step: StepReuse, trans: TranslationBundle): string {
  switch (step.fate) {
    case 'reused':
      return trans.__('reused');
    case 'runs':
      return trans.__('runs');
    case 'later':
      return trans.__('decided later');
    case 'not_run':
      return trans.__('does not run');
  }
}
