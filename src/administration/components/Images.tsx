import { TranslationBundle } from '@jupyterlab/translation';
import React, { useRef, useState } from 'react';

import type {
  Environment,
  FrozenPackages,
  Image,
  ImageAddition,
  ImageBuild,
  ImageTask
} from '../../api';
import { Digest } from '../../shared/components/Digest';
import { NameCell, Table } from '../../shared/components/Table';
import { formatBytes } from '../../shared/format';
import { failedIcon, succeededIcon } from '../../shared/icons';
import { AddImage } from './AddImage';
import { BuildImage } from './BuildImage';
import { Tasks } from './Tasks';

/** The catalogue, and the forms that add to it. */
export function Images(props: {
  images: Image[];
  environments: Environment[];
  tasks: ImageTask[];
  /** Names of the kernels of this machine. */
  kernels: string[];
  onSelect: (name: string) => void;
  onAdd: (image: ImageAddition) => Promise<void>;
  onBuild: (build: ImageBuild) => Promise<void>;
  onCancel: (task: string) => Promise<void>;
  onFreeze: (kernel: string) => Promise<FrozenPackages>;
  trans: TranslationBundle;
}): JSX.Element {
  const { images, trans } = props;
  const [adding, setAdding] = useState<'add' | 'build' | null>(null);
  const opener = useRef<HTMLElement | null>(null);
  const toggle = (what: 'add' | 'build') => ({
    'aria-expanded': adding === what,
    onClick: (event: React.MouseEvent<HTMLElement>) => {
      opener.current = event.currentTarget;
      setAdding(adding === what ? null : what);
    }
  });
  const done = () => {
    setAdding(null);
    // The element that had the focus disappears with the form.
    opener.current?.focus();
  };
  return (
    <>
      <div className="dl-Bar">
        <p className="dl-mod-quiet">
          {trans.__(
            'Pinned by digest: what a reference meant when it was added is what runs.'
          )}
        </p>
        <button className="dl-Button" {...toggle('add')}>
          {trans.__('Add by reference…')}
        </button>
        <button className="dl-Button" {...toggle('build')}>
          {trans.__('Build…')}
        </button>
      </div>
      {adding === 'add' && <AddImage {...props} onDone={done} />}
      {adding === 'build' && <BuildImage {...props} onDone={done} />}
      <Tasks tasks={props.tasks} onCancel={props.onCancel} trans={trans} />
      {images.length ? (
        <Table
          columns={[
            trans.__('Name'),
            trans.__('Probe'),
            trans.__('Python'),
            trans.__('Kernels'),
            trans.__('Size'),
            trans.__('Pinned to'),
            trans.__('Allowed in')
          ]}
        >
          {images.map(image => (
            <tr key={image.name}>
              <NameCell
                name={image.name}
                description={image.description}
                onOpen={() => props.onSelect(image.name)}
              >
                <Marks image={image} trans={trans} />
              </NameCell>
              <td>
                <ProbeState image={image} trans={trans} />
              </td>
              <td>{image.probe?.python}</td>
              <td>{image.probe?.kernels.map(each => each.name).join(', ')}</td>
              <td className="dl-mod-number">{formatBytes(image.size_bytes)}</td>
              <td>
                <Digest digest={image.digest} trans={trans} />
                <div className="dl-mod-quiet dl-mod-break">
                  {image.base === null
                    ? image.reference
                    : trans.__('built on %1', image.base)}
                </div>
              </td>
              <td>{image.environments.join(', ')}</td>
            </tr>
          ))}
        </Table>
      ) : (
        <p className="dl-Empty">
          {trans.__(
            'No image yet. Add one by its reference, or build one from a list of packages.'
          )}
        </p>
      )}
    </>
  );
}

/** The words for an image that is the default or deprecated. */
export function Marks(props: {
  image: Image;
  trans: TranslationBundle;
}): JSX.Element {
  const { image, trans } = props;
  return (
    <>
      {image.is_default && (
        <span className="dl-Mark">{trans.__('default')}</span>
      )}
      {image.deprecated && (
        <span className="dl-Mark" data-tone="bad">
          {trans.__('deprecated on %1', image.deprecated.on)}
        </span>
      )}
      {image.root_allowed && (
        <span className="dl-Mark">{trans.__('may run as root')}</span>
      )}
    </>
  );
}

function ProbeState(props: {
  image: Image;
  trans: TranslationBundle;
}): JSX.Element {
  const { image, trans } = props;
  const problems = image.probe?.problems ?? null;
  const good = problems?.length === 0;
  const Icon = good ? succeededIcon : failedIcon;
  return (
    <span
      className="dl-State"
      data-tone={good ? 'good' : 'bad'}
      title={problems?.join('\n')}
    >
      <Icon.react tag="span" className="dl-State-icon" />
      {problems === null
        ? trans.__('not probed')
        : good
          ? trans.__('runs notebooks')
          : trans._n('%1 problem', '%1 problems', problems.length)}
    </span>
  );
}
