import { HTMLSelect } from '@jupyterlab/ui-components';
import React from 'react';

import { Field } from '../../shared/components/Field';
import { TextField } from '../../shared/components/TextField';

/** The members of a draft that are texts. */
type TextName<Draft> = {
  [name in keyof Draft]: Draft[name] extends string ? name : never;
}[keyof Draft] &
  string;

type Props<Draft> = {
  draft: Draft;
  name: TextName<Draft>;
  label: string;
  problems: { [field: string]: string | undefined };
  disabled: boolean;
  onChange: (change: Partial<Draft>) => void;
};

/** A text of a draft with its problem. */
export function DraftText<Draft>(
  props: Props<Draft> & {
    hint?: string;
    type?: string;
    list?: string;
    placeholder?: string;
    spellCheck?: boolean;
    min?: number;
    max?: number;
  }
): JSX.Element {
  const { draft, name } = props;
  return (
    <TextField
      id={`dl-schedule-${name}`}
      label={props.label}
      hint={props.hint}
      type={props.type}
      list={props.list}
      placeholder={props.placeholder}
      spellCheck={props.spellCheck}
      min={props.min}
      max={props.max}
      problem={props.problems[name]}
      value={draft[name] as string}
      disabled={props.disabled}
      onChange={text => props.onChange({ [name]: text } as Partial<Draft>)}
    />
  );
}

/** A choice of a draft with its problem. */
export function DraftSelect<Draft>(
  props: Props<Draft> & { options: [string, string][] }
): JSX.Element {
  const { draft, name } = props;
  return (
    <SelectField
      id={`dl-schedule-${name}`}
      label={props.label}
      problem={props.problems[name]}
      value={draft[name] as string}
      options={props.options}
      disabled={props.disabled}
      onChange={value => props.onChange({ [name]: value } as Partial<Draft>)}
    />
  );
}

/** A labelled choice of one of a few. */
export function SelectField(props: {
  id: string;
  label: string;
  description?: string;
  problem?: string;
  value: string;
  /** The values with their texts. */
  options: [string, string][];
  disabled: boolean;
  onChange: (value: string) => void;
}): JSX.Element {
  return (
    <Field
      id={props.id}
      label={props.label}
      description={props.description}
      problem={props.problem}
    >
      {attributes => (
        <HTMLSelect
          {...attributes}
          value={props.value}
          disabled={props.disabled}
          onChange={event => props.onChange(event.target.value)}
        >
          {props.options.map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </HTMLSelect>
      )}
    </Field>
  );
}
