import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Environment, ImageAddition } from '../../api';
import { Check } from '../../shared/components/Check';
import { TextField } from '../../shared/components/TextField';
import { NewImage } from './NewImage';

const EMPTY: ImageAddition = { name: '', reference: '' };

/** The form that adds an image by its reference. The server resolves, pins and inspects the image. */
export function AddImage(props: {
  environments: Environment[];
  onAdd: (image: ImageAddition) => Promise<void>;
  onDone: () => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { trans } = props;
  return (
    <NewImage
      label={trans.__('Add an image')}
      verb={trans.__('Add the image')}
      empty={EMPTY}
      environments={props.environments}
      fields={({ draft, change, problems }) => (
        <>
          <TextField
            id="dl-image-reference"
            label={trans.__('Reference')}
            problem={problems.reference}
            required
            spellCheck={false}
            placeholder={trans.__('registry.example.org/data:2026.1')}
            value={draft.reference}
            onChange={reference => change({ reference })}
          />
          <TextField
            id="dl-image-description"
            label={trans.__('Description')}
            value={draft.description ?? ''}
            onChange={text => change({ description: text || null })}
          />
        </>
      )}
      more={({ draft, change, busy }) => (
        <Check
          label={trans.__('Ask the registry also when the daemon has it')}
          checked={draft.pull ?? false}
          disabled={busy}
          onChange={pull => change({ pull })}
        />
      )}
      onSubmit={props.onAdd}
      onDone={props.onDone}
      trans={trans}
    />
  );
}
