import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Environment, EnvironmentChange } from '../../api';
import { useAction } from '../../shared/action';
import { Message } from '../../shared/components/Message';
import { askConfirmation } from '../../shared/confirm';
import { EnvironmentForm } from './EnvironmentForm';

/** One environment with everything that belongs to it, or a new one. */
export function EnvironmentPage(props: {
  environment: Environment | null;
  images: string[];
  onBack: () => void;
  onSave: (name: string, settings: EnvironmentChange) => Promise<void>;
  onRemove: (name: string) => Promise<void>;
  /** The variables and secrets of the environment. */
  children?: React.ReactNode;
  trans: TranslationBundle;
}): JSX.Element {
  const { environment, trans } = props;
  const { busy, problem, act } = useAction();
  const remove = async (name: string) => {
    const isConfirmed = await askConfirmation(
      {
        title: trans.__('Remove the environment %1?', name),
        body: trans.__(
          'Its variables and secrets go with it. Records of runs in it stay.'
        ),
        verb: trans.__('Remove')
      },
      trans
    );
    if (isConfirmed) {
      await act(() => props.onRemove(name));
    }
  };
  return (
    <>
      <div className="dl-Bar">
        <button className="dl-Button" onClick={props.onBack}>
          {trans.__('← All environments')}
        </button>
        {environment && (
          <button
            className="dl-Button"
            disabled={busy}
            onClick={() => void remove(environment.name)}
          >
            {trans.__('Remove…')}
          </button>
        )}
      </div>
      <h1>{environment?.name ?? trans.__('New environment')}</h1>
      {problem && <Message kind="error" title={problem.message} />}
      <EnvironmentForm
        environment={environment}
        images={props.images}
        onSave={props.onSave}
        trans={trans}
      />
      {props.children}
    </>
  );
}
