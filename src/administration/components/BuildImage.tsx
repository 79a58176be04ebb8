import { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect } from '@jupyterlab/ui-components';
import React, { useEffect, useState } from 'react';

import type { Environment, FrozenPackages, Image, ImageBuild } from '../../api';
import { Problem } from '../../api';
import { Field } from '../../shared/components/Field';
import { Message } from '../../shared/components/Message';
import { TextField } from '../../shared/components/TextField';
import { Fields, NewImage } from './NewImage';

type Source = 'requirements' | 'environment_yml' | 'kernel';

const EMPTY: ImageBuild = { name: '', base: '' };

/** The form that builds an image from a base and a list of packages, or from the packages of a kernel here. */
export function BuildImage(props: {
  images: Image[];
  environments: Environment[];
  kernels: string[];
  onBuild: (build: ImageBuild) => Promise<void>;
  onFreeze: (kernel: string) => Promise<FrozenPackages>;
  onDone: () => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { kernels, trans } = props;
  const [source, setSource] = useState<Source>('requirements');
  const build = (draft: ImageBuild) => {
    const { requirements, environment_yml, kernel, ...rest } = draft;
    const packages = {
      requirements: { requirements },
      environment_yml: { environment_yml },
      kernel: { kernel: kernel ?? kernels[0] }
    };
    return props.onBuild({ ...rest, ...packages[source] });
  };
  return (
    <NewImage
      label={trans.__('Build an image')}
      verb={trans.__('Build the image')}
      empty={EMPTY}
      environments={props.environments}
      fields={({ draft, change, problems }) => (
        <>
          <TextField
            id="dl-build-base"
            label={trans.__('Base')}
            placeholder={trans.__('of the catalogue, or a reference')}
            problem={problems.base}
            required
            spellCheck={false}
            list="dl-build-bases"
            value={draft.base}
            onChange={base => change({ base })}
            beside={
              <datalist id="dl-build-bases">
                {props.images.map(image => (
                  <option key={image.name} value={image.name} />
                ))}
              </datalist>
            }
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
            <Field
              id="dl-build-kernel"
              label={trans.__('Kernel')}
              problem={problems.kernel}
            >
              {attributes => (
                <HTMLSelect
                  {...attributes}
                  value={draft.kernel ?? kernels[0]}
                  onChange={event => change({ kernel: event.target.value })}
                >
                  {kernels.map(name => (
                    <option key={name}>{name}</option>
                  ))}
                </HTMLSelect>
              )}
            </Field>
          )}
        </>
      )}
      more={fields =>
        source === 'kernel' ? (
          <PackagesPreview
            kernel={fields.draft.kernel ?? kernels[0]}
            base={props.images.find(image => image.name === fields.draft.base)}
            onFreeze={props.onFreeze}
            trans={trans}
          />
        ) : (
          <PackageList {...fields} source={source} trans={trans} />
        )
      }
      onSubmit={build}
      onDone={props.onDone}
      trans={trans}
    />
  );
}

function PackageList(
  props: Fields<ImageBuild> & {
    source: Exclude<Source, 'kernel'>;
    trans: TranslationBundle;
  }
): JSX.Element {
  const { source, draft, change, problems, trans } = props;
  const shown = {
    requirements: {
      label: trans.__('requirements.txt'),
      placeholder: trans.__('polars==1.9.0\nscikit-learn')
    },
    environment_yml: {
      label: trans.__('environment.yml'),
      placeholder: trans.__('dependencies:\n  - pip:\n      - polars==1.9.0')
    }
  }[source];
  return (
    <Field
      id="dl-build-packages"
      label={shown.label}
      problem={problems[source]}
    >
      {attributes => (
        <textarea
          {...attributes}
          className="jp-mod-styled dl-mod-code"
          required
          spellCheck={false}
          rows={6}
          placeholder={shown.placeholder}
          value={draft[source] ?? ''}
          onChange={event => change({ [source]: event.target.value })}
        />
      )}
    </Field>
  );
}

/** The packages that come from the kernel, and those that cannot come. */
function PackagesPreview(props: {
  kernel: string;
  base: Image | undefined;
  onFreeze: (kernel: string) => Promise<FrozenPackages>;
  trans: TranslationBundle;
}): JSX.Element {
  const { kernel, base, onFreeze, trans } = props;
  const [found, setFound] = useState<FrozenPackages | Problem | null>(null);
  useEffect(() => {
    let isCurrent = true;
    const show = (result: FrozenPackages | Problem) =>
      isCurrent && setFound(result);
    setFound(null);
    onFreeze(kernel).then(show, reason => show(Problem.from(reason)));
    return () => {
      isCurrent = false;
    };
  }, [kernel, onFreeze]);
  if (found instanceof Problem) {
    return <Message kind="error" title={found.message} />;
  }
  if (!found) {
    return (
      <p className="dl-mod-quiet">{trans.__('Looking at its packages…')}</p>
    );
  }
  const omitted = Object.entries(found.left_out);
  const python = base?.probe?.python;
  return (
    <>
      <p>
        {trans._n(
          'Python %2 with %1 package.',
          'Python %2 with %1 packages.',
          found.requirements.length,
          found.python
        )}
      </p>
      {python && python !== found.python && (
        <Message
          kind="warning"
          title={trans.__(
            'The base has Python %1: packages that need another one cannot be installed.',
            python
          )}
        />
      )}
      {omitted.length > 0 && (
        <Message kind="warning" title={trans.__('These do not come along:')}>
          <ul>
            {omitted.map(([name, reason]) => (
              <li key={name}>
                <code>{name}</code> {reason}
              </li>
            ))}
          </ul>
        </Message>
      )}
    </>
  );
}
