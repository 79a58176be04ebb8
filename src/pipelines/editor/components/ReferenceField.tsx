import { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect } from '@jupyterlab/ui-components';
import React, { useState } from 'react';

import { Reference, writeReference } from '../references';

/** The values that an expression of a step can name. */
export type Available = {
  parameters: readonly string[];
  /** The steps that come before, each with the values that it seems to record. These are looked up when asked for. */
  steps: readonly { id: string; values: () => readonly string[] }[];
  /** The name of the item, in a fan-out. */
  item?: string;
};

const OTHER = 'other ';

/** A choice among the parameters of the pipeline and the values of earlier steps. */
export function ReferenceSelect(props: {
  attributes?: React.AriaAttributes & { id?: string };
  value: Reference | null;
  available: Available;
  disabled: boolean;
  onChoose: (reference: Reference) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { value, available, disabled, onChoose, trans } = props;
  const [other, setOther] = useState<string | null>(null);
  const references = new Map<string, Reference>();
  const add = (reference: Reference) => {
    const written = writeReference(reference);
    references.set(written, reference);
    return (
      <option key={written} value={written}>
        {reference.kind === 'parameter'
          ? reference.name
          : trans.__('%1 of %2', reference.name, reference.step)}
      </option>
    );
  };
  const written = value ? writeReference(value) : '';
  const groups = [
    available.parameters.length > 0 && (
      <optgroup key="" label={trans.__('Parameters of the pipeline')}>
        {available.parameters.map(name => add({ kind: 'parameter', name }))}
      </optgroup>
    ),
    ...available.steps.map(({ id, values }) => (
      <optgroup key={id} label={trans.__('Values of %1', id)}>
        {values().map(name => add({ kind: 'value', step: id, name }))}
        <option value={OTHER + id}>
          {trans.__('Another value of %1…', id)}
        </option>
      </optgroup>
    ))
  ];
  const isKnown = references.has(written);
  return (
    <>
      <HTMLSelect
        {...props.attributes}
        value={other === null ? written : OTHER + other}
        disabled={disabled}
        onChange={event => {
          const chosen = event.target.value;
          const reference = references.get(chosen);
          setOther(
            chosen.startsWith(OTHER) ? chosen.slice(OTHER.length) : null
          );
          if (reference) {
            onChoose(reference);
          }
        }}
      >
        {!isKnown && other === null && (
          <option value={written}>{written || trans.__('Choose…')}</option>
        )}
        {groups}
      </HTMLSelect>
      {other !== null && (
        <input
          className="jp-mod-styled"
          aria-label={trans.__('Name of the value of %1', other)}
          placeholder={trans.__('name of the value')}
          disabled={disabled}
          onChange={event => {
            const name = event.target.value.trim();
            if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
              onChoose({ kind: 'value', step: other, name });
            }
          }}
          onBlur={() => setOther(null)}
        />
      )}
    </>
  );
}
