import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Choice } from '../../api';
import { DEFAULT_CHOICE } from '../choices';
import { ChoiceFields } from './ChoiceFields';

/** The part of the form for a run that says what to tell; null: as it is for the job already. */
export function TellFields(props: {
  choice: Choice | null;
  disabled: boolean;
  onChange: (choice: Choice | null) => void;
  onSettings: () => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { choice, trans } = props;
  return (
    <details className="dl-More">
      <summary>{trans.__('Tell me when…')}</summary>
      <ChoiceFields
        choice={choice ?? { ...DEFAULT_CHOICE, on: [] }}
        me={null}
        disabled={props.disabled}
        onChange={props.onChange}
        onSettings={props.onSettings}
        trans={trans}
      />
      <p className="dl-mod-quiet">
        {choice === null
          ? trans.__('Your choice for this job stays as it is.')
          : trans.__('This counts for all runs of the job from now on.')}{' '}
        {choice !== null && (
          <button
            type="button"
            className="dl-Button"
            onClick={() => props.onChange(null)}
          >
            {trans.__('Leave it as it is')}
          </button>
        )}
      </p>
    </details>
  );
}
