import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type {
  Environment,
  Image,
  ImageChange,
  ImageCheck,
  ImageTask,
  ImageTrial,
  ImageTrialRequest,
  ImageUsers
} from '../../api';
import { useAction } from '../../shared/action';
import { Check } from '../../shared/components/Check';
import { Digest } from '../../shared/components/Digest';
import { Message } from '../../shared/components/Message';
import { askConfirmation } from '../../shared/confirm';
import { ImageForm } from './ImageForm';
import { ImageProbe } from './ImageProbe';
import { ImageUse } from './ImageUse';
import { Marks } from './Images';
import { Tasks } from './Tasks';
import { Trial } from './Trial';

export type ImagePageProps = {
  image: Image;
  images: Image[];
  environments: Environment[];
  tasks: ImageTask[];
  users: ImageUsers | null;
  check: ImageCheck | null;
  trial: ImageTrial | null;
  onBack: () => void;
  onPin: (pull: boolean) => Promise<void>;
  onProbe: () => Promise<void>;
  onCheck: () => Promise<void>;
  onCancel: (task: string) => Promise<void>;
  onChange: (change: ImageChange) => Promise<void>;
  onAllow: (environment: string, allowed: boolean) => Promise<void>;
  onRemove: () => Promise<void>;
  onTrial: (request: ImageTrialRequest) => Promise<void>;
  onOpenRun: (id: string) => void;
  trans: TranslationBundle;
};

/** One image of the catalogue: its contents, the environments that allow it, and the jobs that use it. */
export function ImagePage(props: ImagePageProps): JSX.Element {
  const { image, check, trans } = props;
  const { busy, problem, act } = useAction();
  const remove = async () => {
    const isConfirmed = await askConfirmation(
      {
        title: trans.__('Remove %1 from the catalogue?', image.name),
        body: trans.__(
          'It is refused while an environment allows it or a run needs it. Records keep its digest.'
        ),
        verb: trans.__('Remove')
      },
      trans
    );
    if (isConfirmed) {
      await act(props.onRemove);
    }
  };
  return (
    <>
      <div className="dl-Bar">
        <button className="dl-Button" onClick={props.onBack}>
          {trans.__('← All images')}
        </button>
        <button
          className="dl-Button"
          disabled={busy}
          onClick={() => void act(props.onProbe)}
        >
          {trans.__('Probe again')}
        </button>
        <button
          className="dl-Button"
          disabled={busy}
          onClick={() => void act(props.onCheck)}
        >
          {trans.__('Look for a newer one')}
        </button>
        <button
          className="dl-Button"
          disabled={busy}
          onClick={() => void remove()}
        >
          {trans.__('Remove…')}
        </button>
      </div>
      <h1>
        {image.name} <Marks image={image} trans={trans} />
      </h1>
      {problem && <Message kind="error" title={problem.message} />}
      {check && (
        <CheckResult
          check={check}
          busy={busy}
          onPin={() => void act(() => props.onPin(isOfRegistry(check)))}
          trans={trans}
        />
      )}
      <Tasks
        tasks={props.tasks
          .filter(task => task.image === image.name)
          .slice(0, 1)}
        onCancel={props.onCancel}
        trans={trans}
      />
      <Pin image={image} trans={trans} />
      <ImageProbe probe={image.probe} trans={trans} />
      <section className="dl-Section" aria-labelledby="dl-image-allowed">
        <h2 id="dl-image-allowed">{trans.__('Allowed in')}</h2>
        <div className="dl-Checks">
          {props.environments
            .filter(environment => environment.executor === 'docker')
            .map(({ name }) => (
              <Check
                key={name}
                label={name}
                checked={image.environments.includes(name)}
                disabled={busy}
                onChange={on => void act(() => props.onAllow(name, on))}
              />
            ))}
        </div>
        {!props.environments.some(
          environment => environment.executor === 'docker'
        ) && (
          <p className="dl-Empty">
            {trans.__(
              'No environment runs notebooks in images yet: give one the executor docker.'
            )}
          </p>
        )}
      </section>
      <ImageForm
        image={image}
        images={props.images}
        onChange={props.onChange}
        trans={trans}
      />
      <ImageUse users={props.users} onOpenRun={props.onOpenRun} trans={trans} />
      <Trial {...props} />
    </>
  );
}

/** Tell whether a registry has the image. An image that only this daemon has is known by its id alone. */
function isOfRegistry({ moved_to: moved }: ImageCheck): boolean {
  return moved === null || moved.includes('@');
}

function Pin(props: { image: Image; trans: TranslationBundle }): JSX.Element {
  const { image, trans } = props;
  return (
    <table className="dl-Table dl-mod-facts">
      <tbody>
        <tr>
          <th scope="row">{trans.__('Pinned to')}</th>
          <td>
            <Digest digest={image.digest} trans={trans} />
          </td>
        </tr>
        <tr>
          <th scope="row">{trans.__('Reference')}</th>
          <td className="dl-mod-break">{image.reference}</td>
        </tr>
        <tr>
          <th scope="row">{trans.__('Platform')}</th>
          <td>{image.platform}</td>
        </tr>
        <tr>
          <th scope="row">{trans.__('User of the image')}</th>
          <td>{image.user || trans.__('root')}</td>
        </tr>
        {image.earlier.length > 0 && (
          <tr>
            <th scope="row">{trans.__('Earlier')}</th>
            <td>
              {image.earlier.map(earlier => (
                <Digest
                  key={earlier.until}
                  digest={earlier.digest}
                  trans={trans}
                />
              ))}
            </td>
          </tr>
        )}
      </tbody>
    </table>
  );
}

function CheckResult(props: {
  check: ImageCheck;
  busy: boolean;
  onPin: () => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { check, trans } = props;
  if (check.problem) {
    return <Message kind="warning" title={check.problem} />;
  }
  if (!check.present) {
    return (
      <Message
        kind="error"
        title={trans.__('The Docker daemon no longer has this image.')}
      >
        <button
          className="dl-Button"
          disabled={props.busy}
          onClick={props.onPin}
        >
          {trans.__('Get it again')}
        </button>
      </Message>
    );
  }
  return check.moved_to ? (
    <Message
      kind="warning"
      title={trans.__('The reference now means another image.')}
    >
      <p>
        <Digest digest={check.moved_to} trans={trans} />{' '}
        {trans.__('Runs stay on the pinned one until you pin anew.')}
      </p>
      <button className="dl-Button" disabled={props.busy} onClick={props.onPin}>
        {trans.__('Pin the newer one')}
      </button>
    </Message>
  ) : (
    <Message
      kind="info"
      title={trans.__('The reference still means this image.')}
    />
  );
}
