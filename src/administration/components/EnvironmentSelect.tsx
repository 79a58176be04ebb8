import { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect } from '@jupyterlab/ui-components';
import React from 'react';

import type { Environment } from '../../api';
import { Field } from '../../shared/components/Field';

/** The environment that will use an image: its daemon gets the image, and the environment allows it. */
export function EnvironmentSelect(props: {
  environments: Environment[];
  value: string | null;
  onChange: (environment: string | null) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { trans } = props;
  return (
    <Field id="dl-image-environment" label={trans.__('Allow it in')}>
      {attributes => (
        <HTMLSelect
          {...attributes}
          value={props.value ?? ''}
          onChange={event => props.onChange(event.target.value || null)}
        >
          <option value="">{trans.__('no environment yet')}</option>
          {props.environments
            .filter(environment => environment.executor === 'docker')
            .map(environment => (
              <option key={environment.name} value={environment.name}>
                {environment.name}
              </option>
            ))}
        </HTMLSelect>
      )}
    </Field>
  );
}
