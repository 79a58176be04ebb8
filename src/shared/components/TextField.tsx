import React from 'react';

import { Field, FieldProps } from './Field';

type InputProps = Omit<
  React.InputHTMLAttributes<HTMLInputElement>,
  keyof FieldProps | 'value' | 'onChange'
>;

/** A labelled field for a line of text; by `type` also for a number or a date. */
export function TextField(
  props: Omit<FieldProps, 'children'> &
    InputProps & { value: string; onChange: (text: string) => void }
): JSX.Element {
  const { id, label, hint, description, problem, required, action, ...others } =
    props;
  const { beside, data, onChange, ...input } = others;
  return (
    <Field
      id={id}
      label={label}
      hint={hint}
      description={description}
      problem={problem}
      required={required}
      action={action}
      beside={beside}
      data={data}
    >
      {attributes => (
        <input
          type="text"
          className="jp-mod-styled"
          required={required}
          {...input}
          {...attributes}
          onChange={event => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}
