import { TranslationBundle } from '@jupyterlab/translation';
import React, { useEffect, useRef } from 'react';

import type { EditedStep, PipelineDocument } from '../document';

/** The other steps as check boxes: those that a step needs are checked. */
export function NeedsList(props: {
  step: EditedStep;
  document: PipelineDocument;
  steps: readonly EditedStep[];
  problem?: string;
  disabled: boolean;
  /** Move the focus to the first check box when it is shown. */
  takesFocus?: boolean;
  onEdit: (edit: () => void) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { step, document, steps, problem, onEdit, trans } = props;
  const after = document.after(step.id);
  const known = new Set(steps.map(({ id }) => id));
  const missing = step.needs.filter(need => !known.has(need));
  const others = [...known].filter(id => id !== step.id);
  const group = useRef<HTMLFieldSetElement>(null);
  const { takesFocus } = props;
  useEffect(() => {
    if (takesFocus) {
      group.current?.querySelector<HTMLElement>('input:enabled')?.focus();
    }
  }, [takesFocus]);
  return (
    <fieldset ref={group} className="dl-Group dl-Needs">
      <legend>{trans.__('Needs')}</legend>
      {!others.length && !missing.length && (
        <p className="dl-mod-quiet">{trans.__('There is no other step.')}</p>
      )}
      <ul>
        {[...others, ...missing].map(id => {
          const isNeeded = step.needs.includes(id);
          const isCircle = !isNeeded && after.has(id);
          return (
            <li key={id}>
              <label>
                <input
                  type="checkbox"
                  checked={isNeeded}
                  disabled={props.disabled || isCircle}
                  onChange={event => {
                    const { checked } = event.target;
                    onEdit(() =>
                      checked
                        ? document.connect(id, step.id)
                        : document.disconnect(id, step.id)
                    );
                  }}
                />
                {id}
              </label>
              {isCircle && (
                <span className="dl-mod-quiet">
                  {trans.__('waits for this step')}
                </span>
              )}
              {missing.includes(id) && (
                <span className="dl-mod-quiet">{trans.__('is not there')}</span>
              )}
            </li>
          );
        })}
      </ul>
      {problem && (
        <div className="dl-Field-problem" role="alert">
          {problem}
        </div>
      )}
    </fieldset>
  );
}
