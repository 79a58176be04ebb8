import React from 'react';

/** The attributes that connect a control with its label, description and problem. Spread them over the control. */
export type FieldAttributes = React.AriaAttributes & { id: string };

export type FieldProps = {
  /** An id that is unique on the page. */
  id: string;
  label: React.ReactNode;
  /** A quiet word beside the label, like a type or unit. */
  hint?: React.ReactNode;
  description?: React.ReactNode;
  problem?: string;
  required?: boolean;
  /** Shown at the end of the label's line. */
  action?: React.ReactNode;
  /** Shown beside the control. */
  beside?: React.ReactNode;
  /** Attributes for CSS and tests. */
  data?: { [name: `data-${string}`]: string };
  children: (attributes: FieldAttributes) => React.ReactNode;
};

/** One control with its label, description and problem. */
export function Field(props: FieldProps): JSX.Element {
  const { id, description, problem } = props;
  const described = [
    description && `${id}-description`,
    problem && `${id}-problem`
  ];
  return (
    <div className="dl-Field" {...props.data}>
      <div className="dl-Field-head">
        <label htmlFor={id}>{props.label}</label>
        {props.hint && <span className="dl-mod-quiet">{props.hint}</span>}
        {props.action}
      </div>
      {description && (
        <div id={`${id}-description`} className="dl-Field-description">
          {description}
        </div>
      )}
      <div className="dl-Field-control">
        {props.children({
          id,
          'aria-invalid': problem ? true : undefined,
          'aria-describedby': described.filter(Boolean).join(' ') || undefined,
          'aria-required': props.required || undefined
        })}
        {props.beside}
      </div>
      {problem && (
        <div id={`${id}-problem`} className="dl-Field-problem" role="alert">
          {problem}
        </div>
      )}
    </div>
  );
}
