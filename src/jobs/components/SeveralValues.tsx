import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Parameter } from '../../api';
import { Check } from '../../shared/components/Check';
import type { FieldAttributes } from '../../shared/components/Field';
import { formatValue } from '../../shared/format';
import type { Draft } from '../drafts';
import { linesOf } from '../sweep';

/** The control of a parameter that has several values: a box for each choice, or a value on each line. */
export function SeveralValues(props: {
  parameter: Parameter;
  draft: Draft;
  attributes: FieldAttributes & { disabled: boolean; onBlur: () => void };
  onChange: (draft: Draft) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { parameter, draft, attributes, onChange, trans } = props;
  const write = (text: string) =>
    onChange({ text, isNone: false, several: true });
  const choices =
    parameter.type === 'boolean' ? [true, false] : parameter.choices;
  if (!choices.length) {
    return (
      <textarea
        {...attributes}
        className="jp-mod-styled dl-mod-code"
        spellCheck={false}
        rows={Math.min(12, Math.max(3, draft.text.split('\n').length + 1))}
        placeholder={trans.__('One value on each line')}
        value={draft.text}
        onChange={event => write(event.target.value)}
      />
    );
  }
  const { disabled, onBlur, ...described } = attributes;
  // A group has no value of its own that could be required.
  const { 'aria-required': _, ...group } = described;
  const lines = linesOf(draft);
  return (
    <div
      {...group}
      role="group"
      // The focus goes to the first field that is wrong.
      tabIndex={-1}
      aria-label={parameter.name}
      className="dl-Checks"
      onBlur={onBlur}
    >
      {choices.map(choice => {
        const line = JSON.stringify(choice);
        return (
          <Check
            key={line}
            label={formatValue(choice)}
            checked={lines.includes(line)}
            disabled={disabled}
            onChange={checked =>
              write(
                choices
                  .map(each => JSON.stringify(each))
                  .filter(each =>
                    each === line ? checked : lines.includes(each)
                  )
                  .join('\n')
              )
            }
          />
        );
      })}
    </div>
  );
}
