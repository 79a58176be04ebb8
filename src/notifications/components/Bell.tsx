import { TranslationBundle } from '@jupyterlab/translation';
import { bellIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { Choice } from '../../api';
import { Trouble } from '../../shared/components/Trouble';
import { useSignal } from '../../shared/signals';
import { BellModel, BellState } from '../bellModel';
import { DEFAULT_CHOICE } from '../choices';
import { ChoiceFields } from './ChoiceFields';

type Props = {
  onSettings: (() => void) | null;
  trans: TranslationBundle;
};

/** The bell of an object with its model. */
export function ConnectedBell(
  props: Props & { model: BellModel }
): JSX.Element {
  const { model } = props;
  const state = useSignal(model.changed, () => model.state);
  return (
    <Bell
      {...props}
      state={state}
      onChoose={choice => void model.choose(choice)}
      onRetry={() => void model.load()}
    />
  );
}

/** A line that says what a person hears of an object; it unfolds to change that. */
export function Bell(
  props: Props & {
    state: BellState;
    onChoose: (choice: Choice | null) => void;
    onRetry: () => void;
  }
): JSX.Element | null {
  const { state, trans } = props;
  const { stored, problem } = state;
  if (!state.ready) {
    return problem ? (
      <Trouble problem={problem} onRetry={props.onRetry} trans={trans} />
    ) : null;
  }
  const isSilent = stored !== null && stored.on.length === 0;
  return (
    <details
      className="dl-Bell"
      data-choice={stored === null ? 'default' : isSilent ? 'nothing' : 'own'}
    >
      <summary>
        <bellIcon.react tag="span" className="dl-Bell-icon" />
        {trans.__('Tell me when…')}{' '}
        <span className="dl-mod-quiet">{summaryOf(stored, trans)}</span>
      </summary>
      <div className="dl-Bell-body">
        <ChoiceFields
          choice={stored ?? DEFAULT_CHOICE}
          me={state.me}
          disabled={false}
          onChange={props.onChoose}
          onSettings={props.onSettings}
          trans={trans}
        />
        {problem && (
          <p className="dl-Field-problem" role="alert">
            {problem.message}
          </p>
        )}
        {stored !== null && (
          <p>
            <button
              type="button"
              className="dl-Button"
              onClick={() => props.onChoose(null)}
            >
              {trans.__('As by default')}
            </button>
          </p>
        )}
        <p className="dl-mod-quiet" role="status">
          {state.saving
            ? trans.__('Saving…')
            : stored === null
              ? trans.__(
                  'By default owners hear of trouble with what they own.'
                )
              : trans.__('Your choice is saved.')}
        </p>
      </div>
    </details>
  );
}

function summaryOf(stored: Choice | null, trans: TranslationBundle): string {
  if (stored === null) {
    return trans.__('as by default');
  }
  if (!stored.on.length) {
    return trans.__('never');
  }
  return trans._n('one thing', '%1 things', stored.on.length);
}
