import { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect } from '@jupyterlab/ui-components';
import React from 'react';

import { Check, toggleName } from '../../shared/components/Check';
import { Field } from '../../shared/components/Field';
import type { EnvironmentDraft } from '../environmentDraft';

/** The images of the catalogue that an environment allows, and its default among them. */
export function AllowedImages(props: {
  draft: EnvironmentDraft;
  images: string[];
  disabled: boolean;
  onChange: (part: Partial<EnvironmentDraft>) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { draft, images, disabled, onChange, trans } = props;
  if (!images.length) {
    return (
      <p className="dl-Empty">
        {trans.__('The catalogue has no image yet: add one under Images.')}
      </p>
    );
  }
  return (
    <>
      <div className="dl-Checks" role="group" aria-label={trans.__('Allowed')}>
        {images.map(name => (
          <Check
            key={name}
            label={name}
            checked={draft.images.includes(name)}
            disabled={disabled}
            onChange={on =>
              onChange({ images: toggleName(draft.images, name, on) })
            }
          />
        ))}
      </div>
      <Field id="dl-environment-default" label={trans.__('Default image')}>
        {attributes => (
          <HTMLSelect
            {...attributes}
            value={draft.defaultImage}
            disabled={disabled}
            onChange={event => onChange({ defaultImage: event.target.value })}
          >
            <option value="">{trans.__('none: everybody chooses')}</option>
            {draft.images.map(name => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </HTMLSelect>
        )}
      </Field>
    </>
  );
}
