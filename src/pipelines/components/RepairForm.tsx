import { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect } from '@jupyterlab/ui-components';
import React from 'react';

import type { PipelineStep, StepRepair } from '../../api';
import { ParameterField } from '../../jobs/components/ParameterField';
import { Field } from '../../shared/components/Field';
import { useSignal } from '../../shared/signals';
import { Table } from '../../shared/components/Table';
import { RepairModel, sentenceOf } from '../repairModel';
import { nameOf } from '../steps';

/** The choice of what a repair runs again, and the list of what becomes of each step. */
export function RepairForm(props: {
  model: RepairModel;
  steps: readonly PipelineStep[];
  trans: TranslationBundle;
}): JSX.Element {
  const { model, steps, trans } = props;
  const state = useSignal(model.changed, () => model.state);
  const { newer, preview, trouble } = state;
  const id = `dl-repair-${model.run}`;
  const isSweep = steps.some(step => step.id === SWEEP_STEP);
  return (
    <div className="dl-RepairForm">
      <div className="dl-RepairForm-choices">
        <Field id={`${id}-version`} label={trans.__('Version')}>
          {attributes => (
            <HTMLSelect
              {...attributes}
              value={newer ? 'newer' : 'same'}
              onChange={event =>
                void model.choose({ newer: event.target.value === 'newer' })
              }
            >
              <option value="same">{trans.__('The same version')}</option>
              <option value="newer">
                {trans.__('The files as they are now')}
              </option>
            </HTMLSelect>
          )}
        </Field>
        {!isSweep && (
          <>
            <StepChoice
              id={`${id}-from`}
              label={trans.__('Run again from')}
              none={trans.__('All that did not succeed')}
              value={state.from}
              disabled={state.only !== ''}
              steps={steps}
              onChange={from => void model.choose({ from })}
            />
            <StepChoice
              id={`${id}-until`}
              label={trans.__('Up to')}
              none={trans.__('The end')}
              value={state.until}
              disabled={state.only !== ''}
              steps={steps}
              onChange={until => void model.choose({ until })}
            />
            <StepChoice
              id={`${id}-only`}
              label={trans.__('Only this step')}
              none={trans.__('No, not one alone')}
              value={state.only}
              steps={steps}
              onChange={only => void model.choose({ only })}
            />
          </>
        )}
      </div>
      {!isSweep && model.parameters.length > 0 && (
        <details className="dl-RepairForm-parameters">
          <summary>{trans.__('Parameters')}</summary>
          {model.parameters.map(parameter => (
            <ParameterField
              key={parameter.name}
              idPrefix={`${id}-parameter`}
              parameter={parameter}
              draft={state.drafts[parameter.name]}
              problem={state.problems[parameter.name]}
              disabled={false}
              maySweep={false}
              onChange={draft => model.edit(parameter.name, draft)}
              onLeave={() => undefined}
              trans={trans}
            />
          ))}
        </details>
      )}
      <div
        aria-live="polite"
        aria-busy={!preview && !trouble && !Object.keys(state.problems).length}
      >
        {trouble !== null && <p role="alert">{sentenceOf(trouble)}</p>}
        {preview && isSweep && (
          <p>{sentenceOfPoints(preview.steps[0], trans)}</p>
        )}
        {preview && !isSweep && (
          <Table
            className="dl-Table"
            columns={[
              trans.__('Step'),
              trans.__('In the repair'),
              trans.__('Reason')
            ]}
          >
            {preview.steps.map(step => (
              <tr key={step.id} data-step={step.id} data-fate={step.fate}>
                <th scope="row">{step.title || step.id}</th>
                <td>{labelOfFate(step, trans)}</td>
                <td className="dl-mod-break">{reasonOf(step, trans)}</td>
              </tr>
            ))}
          </Table>
        )}
      </div>
    </div>
  );
}

/** The only step of a sweep, as the server names it. */
const SWEEP_STEP = 'sweep-point';

function sentenceOfPoints(step: StepRepair, trans: TranslationBundle): string {
  const { why, items_taken: taken, items_total: total } = step;
  const points = taken
    ? trans.__(
        '%1 of %2 points are taken over. The others run again.',
        taken,
        total!
      )
    : trans.__('All points run again.');
  return `${why} ${points}`;
}

function StepChoice(props: {
  id: string;
  label: string;
  /** The label of the choice of no step. */
  none: string;
  value: string;
  disabled?: boolean;
  steps: readonly PipelineStep[];
  onChange: (step: string) => void;
}): JSX.Element {
  return (
    <Field id={props.id} label={props.label}>
      {attributes => (
        <HTMLSelect
          {...attributes}
          value={props.value}
          disabled={props.disabled}
          onChange={event => props.onChange(event.target.value)}
        >
          <option value="">{props.none}</option>
          {props.steps.map(step => (
            <option key={step.id} value={step.id}>
              {nameOf(step)}
            </option>
          ))}
        </HTMLSelect>
      )}
    </Field>
  );
}

function labelOfFate(step: StepRepair, trans: TranslationBundle): string {
  switch (step.fate) {
    case 'taken_over':
      return trans.__('taken over');
    case 'runs':
      return trans.__('runs again');
    case 'not_wanted':
      return trans.__('not wanted');
    case 'disabled':
      return trans.__('disabled');
  }
}

function reasonOf(step: StepRepair, trans: TranslationBundle): string {
  if (step.fate !== 'taken_over' && step.items_taken) {
    const items = trans.__(
      '%1 of %2 items are taken over.',
      step.items_taken,
      step.items_total!
    );
    return `${step.why} ${items}`;
  }
  return step.why;
}
