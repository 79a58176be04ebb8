import { TranslationBundle } from '@jupyterlab/translation';
import React, { useState } from 'react';

import type { Environment, ImageAddition } from '../../api';
import { useAction } from '../../shared/action';
import { Check } from '../../shared/components/Check';
import { Field } from '../../shared/components/Field';
import { Message } from '../../shared/components/Message';
import { EnvironmentSelect } from './EnvironmentSelect';

/** An image by reference; it is resolved, pinned and looked into. */
export function AddImage(props: {
  environments: Environment[];
  onAdd: (image: ImageAddition) => Promise<void>;
  onDone: () => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { trans } = props;
  const [image, setImage] = useState<ImageAddition>({
    name: '',
    reference: ''
  });
  const { busy, problem, act } = useAction();
  const change = (part: Partial<ImageAddition>) =>
    setImage({ ...image, ...part });
  const add = async () => {
    if (await act(() => props.onAdd(image))) {
      props.onDone();
    }
  };
  const problems = problem?.parameters ?? {};
  return (
    <form
      className="dl-Form dl-Card"
      aria-label={trans.__('Add an image')}
      onSubmit={event => {
        event.preventDefault();
        void add();
      }}
    >
      {problem && <Message kind="error" title={problem.message} />}
      <div className="dl-Fields">
        <Field
          id="dl-image-name"
          label={trans.__('Name')}
          hint={trans.__('as people will choose it')}
          problem={problems.name}
        >
          {attributes => (
            <input
              {...attributes}
              type="text"
              className="jp-mod-styled"
              required
              placeholder={trans.__('python-data')}
              value={image.name}
              onChange={event => change({ name: event.target.value })}
            />
          )}
        </Field>
        <Field
          id="dl-image-reference"
          label={trans.__('Reference')}
          problem={problems.reference}
        >
          {attributes => (
            <input
              {...attributes}
              type="text"
              className="jp-mod-styled"
              required
              spellCheck={false}
              placeholder={trans.__('registry.example.org/data:2026.1')}
              value={image.reference}
              onChange={event => change({ reference: event.target.value })}
            />
          )}
        </Field>
        <EnvironmentSelect
          environments={props.environments}
          value={image.environment ?? null}
          onChange={environment => change({ environment })}
          trans={trans}
        />
        <Field id="dl-image-description" label={trans.__('Description')}>
          {attributes => (
            <input
              {...attributes}
              type="text"
              className="jp-mod-styled"
              value={image.description ?? ''}
              onChange={event =>
                change({ description: event.target.value || null })
              }
            />
          )}
        </Field>
      </div>
      <Check
        label={trans.__('Ask the registry also when the daemon has it')}
        checked={image.pull ?? false}
        disabled={busy}
        onChange={pull => change({ pull })}
      />
      <div className="dl-Form-submit">
        <button
          type="submit"
          className="jp-mod-styled jp-mod-accept"
          disabled={busy}
        >
          {trans.__('Add the image')}
        </button>
        <button type="button" className="dl-Button" onClick={props.onDone}>
          {trans.__('Cancel')}
        </button>
      </div>
    </form>
  );
}
