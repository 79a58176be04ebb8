import React from 'react';

/** What ties a control to its label, description and problem; spread it over the control. */
export type FieldAttributes = React.AriaAttributes & { id: string };

export type FieldProps = {
  /** Unique on the page. */
  id: string;
  label: React.ReactNode;
  /** A quiet word beside the label: type, unit. */
  hint?: React.ReactNode;
  description?: React.ReactNode;
  problem?: string;
  required?: boolean;
  /** At the end of the label's line. */
  action?: React.ReactNode;
  /** Beside the control. */
  beside?: React.ReactNode;
  /** For CSS and tests. */
  data?: { [name: `data-${string}`]: string };
  children: (attributes: FieldAttributes) => React.ReactNode;
};

/** One labelled control with what it is for and what is wrong with it. */
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
