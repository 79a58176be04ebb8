import { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect } from '@jupyterlab/ui-components';
import React from 'react';

import type { Parameter } from '../../api';
import { Field, FieldAttributes } from '../../shared/components/Field';
import { formatValue } from '../../shared/format';
import { Draft, initialDraft } from '../drafts';
import { withSeveral } from '../sweep';
import { SeveralValues } from './SeveralValues';

type Props = {
  /** The beginning of the id, where a page has more than one form. */
  idPrefix?: string;
  parameter: Parameter;
  draft: Draft;
  problem?: string;
  disabled: boolean;
  /** True when the parameter may have several values. */
  maySweep: boolean;
  onChange: (draft: Draft) => void;
  onLeave: () => void;
  trans: TranslationBundle;
};

/** One parameter: a control for its type, its description and its problem. */
export function ParameterField(props: Props): JSX.Element {
  const { parameter, draft, problem, disabled, onChange, trans } = props;
  const initial = initialDraft(parameter);
  const several = draft.several ?? false;
  const changed =
    !several &&
    (draft.text !== initial.text || draft.isNone !== initial.isNone);
  return (
    <Field
      id={`${props.idPrefix ?? 'dl-parameter'}-${parameter.name}`}
      data={{ 'data-parameter': parameter.name }}
      label={parameter.name}
      hint={
        several ? severalHint(parameter, trans) : typeName(parameter, trans)
      }
      description={parameter.description}
      problem={problem}
      required={parameter.required}
      action={
        <>
          {changed && !parameter.required && (
            <button
              type="button"
              className="dl-Button dl-mod-link"
              disabled={disabled}
              onClick={() => onChange(initial)}
            >
              {trans.__('Back to default')}
            </button>
          )}
          {props.maySweep && (
            <button
              type="button"
              className="dl-Button dl-mod-link"
              disabled={disabled}
              onClick={() => onChange(withSeveral(parameter, draft, !several))}
            >
              {several ? trans.__('One value') : trans.__('Several values')}
              <span className="dl-mod-hidden">
                {' ' + trans.__('of %1', parameter.name)}
              </span>
            </button>
          )}
        </>
      }
      beside={
        !several &&
        (parameter.nullable || parameter.type === 'any') && (
          <label className="dl-Field-none">
            <input
              type="checkbox"
              checked={draft.isNone}
              disabled={disabled}
              onChange={event =>
                onChange({ ...draft, isNone: event.target.checked })
              }
            />
            {trans.__('no value')}
          </label>
        )
      }
    >
      {attributes => {
        const Shown = several ? SeveralValues : Control;
        return (
          <Shown
            {...props}
            attributes={{
              ...attributes,
              disabled: disabled || draft.isNone,
              onBlur: props.onLeave
            }}
          />
        );
      }}
    </Field>
  );
}

type ControlProps = Props & {
  attributes: FieldAttributes & { disabled: boolean; onBlur: () => void };
};

function Control(props: ControlProps): JSX.Element {
  const { parameter, draft, attributes, onChange, trans } = props;
  const write = (text: string) => onChange({ text, isNone: false });
  const common = {
    ...attributes,
    className: 'jp-mod-styled',
    value: draft.text,
    onChange: (
      event: React.ChangeEvent<
        HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement
      >
    ) => write(event.target.value)
  };
  if (parameter.choices.length) {
    const options = parameter.choices.map(choice => JSON.stringify(choice));
    return (
      <HTMLSelect {...common} className={undefined}>
        {!options.includes(draft.text) && (
          <option value={draft.text}>{trans.__('Choose…')}</option>
        )}
        {parameter.choices.map((choice, index) => (
          <option key={options[index]} value={options[index]}>
            {formatValue(choice)}
          </option>
        ))}
      </HTMLSelect>
    );
  }
  switch (parameter.type) {
    case 'boolean':
      return (
        <span className="dl-Field-switch">
          <input
            {...attributes}
            type="checkbox"
            role="switch"
            checked={draft.text === 'true'}
            onChange={event => write(String(event.target.checked))}
          />
          <span aria-hidden>
            {draft.text === 'true' ? trans.__('on') : trans.__('off')}
          </span>
        </span>
      );
    case 'integer':
      return <input {...common} type="number" step={1} inputMode="numeric" />;
    case 'number':
      return <input {...common} type="number" step="any" inputMode="decimal" />;
    case 'date':
      return <input {...common} type="date" />;
    case 'datetime':
      // The picker knows no time zones, so a person types a moment that has one.
      return /(Z|[+-]\d\d:?\d\d)$/.test(draft.text) ? (
        <input {...common} type="text" />
      ) : (
        <input {...common} type="datetime-local" step={1} />
      );
    case 'list':
    case 'mapping':
      return (
        <textarea
          {...common}
          className="jp-mod-styled dl-mod-code"
          spellCheck={false}
          rows={Math.min(10, Math.max(2, draft.text.split('\n').length))}
        />
      );
    case 'any':
      return (
        <input
          {...common}
          type="text"
          spellCheck={false}
          placeholder={trans.__('Text, or a value in JSON')}
        />
      );
    default:
      return draft.text.includes('\n') ? (
        <textarea {...common} rows={4} />
      ) : (
        <input {...common} type="text" />
      );
  }
}

function severalHint(parameter: Parameter, trans: TranslationBundle): string {
  const type = typeName(parameter, trans);
  if (parameter.choices.length || parameter.type === 'boolean') {
    return trans.__('%1, several', type);
  }
  return type
    ? trans.__('%1, one on each line', type)
    : trans.__('one on each line');
}

function typeName(parameter: Parameter, trans: TranslationBundle): string {
  if (parameter.choices.length) {
    return trans.__('choice');
  }
  const names = {
    string: trans.__('text'),
    integer: trans.__('whole number'),
    number: trans.__('number'),
    boolean: trans.__('yes or no'),
    date: trans.__('date'),
    datetime: trans.__('date and time'),
    list: trans.__('list, in JSON'),
    mapping: trans.__('mapping, in JSON'),
    any: ''
  };
  return names[parameter.type];
}
