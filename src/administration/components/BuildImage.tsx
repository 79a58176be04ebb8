import { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect } from '@jupyterlab/ui-components';
import React, { useState } from 'react';

import type { Environment, Image, ImageBuild } from '../../api';
import { useAction } from '../../shared/action';
import { Field } from '../../shared/components/Field';
import { Message } from '../../shared/components/Message';
import { EnvironmentSelect } from './EnvironmentSelect';

type Source = 'requirements' | 'environment_yml' | 'kernel';

/** A new image from a base and a list of packages, or from what a kernel here has. */
export function BuildImage(props: {
  images: Image[];
  environments: Environment[];
  kernels: string[];
  onBuild: (build: ImageBuild) => Promise<void>;
  onDone: () => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { trans } = props;
  const [build, setBuild] = useState<ImageBuild>({ name: '', base: '' });
  const [source, setSource] = useState<Source>('requirements');
  const { busy, problem, act } = useAction();
  const change = (part: Partial<ImageBuild>) => setBuild({ ...build, ...part });
  const start = async () => {
    const { requirements, environment_yml, kernel, ...rest } = build;
    const packages =
      source === 'kernel'
        ? { kernel: kernel ?? props.kernels[0] }
        : source === 'requirements'
          ? { requirements }
          : { environment_yml };
    if (await act(() => props.onBuild({ ...rest, ...packages }))) {
      props.onDone();
    }
  };
  const problems = problem?.parameters ?? {};
  return (
    <form
      className="dl-Form dl-Card"
      aria-label={trans.__('Build an image')}
      onSubmit={event => {
        event.preventDefault();
        void start();
      }}
    >
      {problem && <Message kind="error" title={problem.message} />}
      <div className="dl-Fields">
        <Field
          id="dl-build-name"
          label={trans.__('Name')}
          problem={problems.name}
        >
          {attributes => (
            <input
              {...attributes}
              type="text"
              className="jp-mod-styled"
              required
              value={build.name}
              onChange={event => change({ name: event.target.value })}
            />
          )}
        </Field>
        <Field
          id="dl-build-base"
          label={trans.__('Base')}
          hint={trans.__('of the catalogue, or a reference')}
          problem={problems.base}
        >
          {attributes => (
            <>
              <input
                {...attributes}
                type="text"
                className="jp-mod-styled"
                required
                spellCheck={false}
                list="dl-build-bases"
                value={build.base}
                onChange={event => change({ base: event.target.value })}
              />
              <datalist id="dl-build-bases">
                {props.images.map(it => (
                  <option key={it.name} value={it.name} />
                ))}
              </datalist>
            </>
          )}
        </Field>
        <EnvironmentSelect
          environments={props.environments}
          value={build.environment ?? null}
          onChange={environment => change({ environment })}
          trans={trans}
        />
        <Field id="dl-build-source" label={trans.__('Packages')}>
          {attributes => (
            <HTMLSelect
              {...attributes}
              value={source}
              onChange={event => setSource(event.target.value as Source)}
            >
              <option value="requirements">
                {trans.__('requirements.txt')}
              </option>
              <option value="environment_yml">
                {trans.__('environment.yml')}
              </option>
              <option value="kernel">
                {trans.__('those of a kernel here (freeze)')}
              </option>
            </HTMLSelect>
          )}
        </Field>
        {source === 'kernel' && (
          <Field id="dl-build-kernel" label={trans.__('Kernel')}>
            {attributes => (
              <HTMLSelect
                {...attributes}
                value={build.kernel ?? props.kernels[0]}
                onChange={event => change({ kernel: event.target.value })}
              >
                {props.kernels.map(name => (
                  <option key={name}>{name}</option>
                ))}
              </HTMLSelect>
            )}
          </Field>
        )}
      </div>
      {source !== 'kernel' && (
        <Field
          id="dl-build-packages"
          label={
            source === 'requirements'
              ? trans.__('requirements.txt')
              : trans.__('environment.yml')
          }
          problem={problems[source]}
        >
          {attributes => (
            <textarea
              {...attributes}
              className="jp-mod-styled dl-mod-code"
              required
              spellCheck={false}
              rows={6}
              placeholder={
                source === 'requirements'
                  ? trans.__('polars==1.9.0\nscikit-learn')
                  : trans.__('dependencies:\n  - pip:\n      - polars==1.9.0')
              }
              value={build[source] ?? ''}
              onChange={event => change({ [source]: event.target.value })}
            />
          )}
        </Field>
      )}
      <div className="dl-Form-submit">
        <button
          type="submit"
          className="jp-mod-styled jp-mod-accept"
          disabled={busy}
        >
          {trans.__('Build the image')}
        </button>
        <button type="button" className="dl-Button" onClick={props.onDone}>
          {trans.__('Cancel')}
        </button>
      </div>
    </form>
  );
}
