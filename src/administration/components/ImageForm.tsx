import { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect } from '@jupyterlab/ui-components';
import React, { useState } from 'react';

import type { Image, ImageChange } from '../../api';
import { useAction } from '../../shared/action';
import { Check } from '../../shared/components/Check';
import { Field } from '../../shared/components/Field';
import { Message } from '../../shared/components/Message';
import { TextField } from '../../shared/components/TextField';

/** The form with the things that the catalogue says about an image. */
export function ImageForm(props: {
  image: Image;
  images: Image[];
  onChange: (change: ImageChange) => Promise<void>;
  trans: TranslationBundle;
}): JSX.Element {
  const { image, trans } = props;
  const [draft, setDraft] = useState(() => ({
    description: image.description,
    tags: image.tags.join(', '),
    isDefault: image.is_default,
    rootAllowed: image.root_allowed,
    on: image.deprecated?.on ?? '',
    successor: image.deprecated?.successor ?? '',
    message: image.deprecated?.message ?? ''
  }));
  const [saved, setSaved] = useState(false);
  const { busy, problem, act } = useAction();
  const change = (part: Partial<typeof draft>) => {
    setDraft({ ...draft, ...part });
    setSaved(false);
  };
  const save = async () => {
    const { on, successor, message } = draft;
    const ended = on ? { on, successor: successor || null, message } : null;
    const done = await act(() =>
      props.onChange({
        description: draft.description.trim(),
        tags: draft.tags
          .split(',')
          .map(text => text.trim())
          .filter(Boolean),
        is_default: draft.isDefault,
        root_allowed: draft.rootAllowed,
        deprecated: ended
      })
    );
    setSaved(done);
  };
  const text = (
    name: 'description' | 'tags' | 'message',
    label: string,
    hint?: string
  ) => (
    <TextField
      id={`dl-catalogue-${name}`}
      label={label}
      hint={hint}
      problem={problem?.parameters[name]}
      value={draft[name]}
      disabled={busy}
      onChange={value => change({ [name]: value })}
    />
  );
  return (
    <section className="dl-Section" aria-labelledby="dl-image-catalogue">
      <h2 id="dl-image-catalogue">{trans.__('In the catalogue')}</h2>
      {problem && <Message kind="error" title={problem.message} />}
      <form
        className="dl-Form"
        onSubmit={event => {
          event.preventDefault();
          void save();
        }}
      >
        <div className="dl-Fields">
          {text('description', trans.__('Description'))}
          {text('tags', trans.__('Tags'), trans.__('with commas'))}
        </div>
        <Check
          label={trans.__('Default of the catalogue')}
          checked={draft.isDefault}
          disabled={busy}
          onChange={isDefault => change({ isDefault })}
        />
        <Check
          label={trans.__('May run as root')}
          description={trans.__(
            'Otherwise containers run as the user of their environment, also when the image says root.'
          )}
          checked={draft.rootAllowed}
          disabled={busy}
          onChange={rootAllowed => change({ rootAllowed })}
        />
        <fieldset className="dl-Group">
          <legend>{trans.__('Deprecation')}</legend>
          <div className="dl-Fields">
            <TextField
              id="dl-catalogue-on"
              label={trans.__('Refused from')}
              hint={trans.__('warned before')}
              type="date"
              value={draft.on}
              disabled={busy}
              onChange={on => change({ on })}
            />
            <Field id="dl-catalogue-successor" label={trans.__('Successor')}>
              {attributes => (
                <HTMLSelect
                  {...attributes}
                  value={draft.successor}
                  disabled={busy || !draft.on}
                  onChange={event => change({ successor: event.target.value })}
                >
                  <option value="">{trans.__('none')}</option>
                  {props.images
                    .filter(other => other.name !== image.name)
                    .map(other => (
                      <option key={other.name}>{other.name}</option>
                    ))}
                </HTMLSelect>
              )}
            </Field>
            {text('message', trans.__('Message for people'))}
          </div>
        </fieldset>
        <div className="dl-Form-submit">
          <button
            type="submit"
            className="jp-mod-styled jp-mod-accept"
            disabled={busy}
          >
            {trans.__('Save')}
          </button>
          <span aria-live="polite" className="dl-mod-quiet">
            {saved && trans.__('Saved.')}
          </span>
        </div>
      </form>
    </section>
  );
}
