import React from 'react';

/** A check box with its label. */
export function Check(props: {
  label: string;
  description?: string;
  checked: boolean;
  disabled: boolean;
  onChange: (checked: boolean) => void;
}): JSX.Element {
  return (
    <div className="dl-Check">
      <label>
        <input
          type="checkbox"
          checked={props.checked}
          disabled={props.disabled}
          onChange={event => props.onChange(event.target.checked)}
        />
        {props.label}
      </label>
      {props.description && (
        <span className="dl-mod-quiet">{props.description}</span>
      )}
    </div>
  );
}

/** Return `names` with `name` when it is `included`, else without it. */
export function toggleName(
  names: string[],
  name: string,
  included: boolean
): string[] {
  const others = names.filter(other => other !== name);
  return included ? [...others, name] : others;
}
