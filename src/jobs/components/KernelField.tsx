import { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect } from '@jupyterlab/ui-components';
import React from 'react';

import type { Kernel } from '../../api';
import { Field } from '../../shared/components/Field';

export function KernelField(props: {
  kernels: Kernel[];
  chosen: string;
  problem: string | null;
  /** The environment has chosen the kernel for everybody. */
  fixed: boolean;
  disabled: boolean;
  onChange: (kernel: string) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { kernels, chosen, fixed, trans } = props;
  const labelOf = ({ name, display_name: label }: Kernel) =>
    label === name ? name : `${label} (${name})`;
  return (
    <Field
      id="dl-run-kernel"
      label={trans.__('Kernel')}
      problem={props.problem ?? undefined}
    >
      {attributes =>
        fixed ? (
          <output {...attributes}>
            {trans.__(
              '%1, fixed here',
              kernels
                .filter(kernel => kernel.name === chosen)
                .map(labelOf)[0] ?? chosen
            )}
          </output>
        ) : (
          <HTMLSelect
            {...attributes}
            value={chosen}
            disabled={props.disabled}
            onChange={event => props.onChange(event.target.value)}
          >
            {!kernels.some(kernel => kernel.name === chosen) && (
              <option value={chosen}>{trans.__('Choose a kernel…')}</option>
            )}
            {kernels.map(kernel => (
              <option key={kernel.name} value={kernel.name}>
                {labelOf(kernel)}
              </option>
            ))}
          </HTMLSelect>
        )
      }
    </Field>
  );
}
