import { TranslationBundle } from '@jupyterlab/translation';
import React, { useEffect, useRef, useState } from 'react';

import type { EditedStep, PipelineDocument } from '../document';

/** With more steps than these, those that are not needed are drawn when somebody asks for them. */
const MOST_SHOWN = 20;

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
      group.current
        ?.querySelector<HTMLElement>('input:enabled, summary')
        ?.focus();
    }
  }, [takesFocus]);
  const [isUnfolded, setUnfolded] = useState(false);
  /** The steps that were checked or unchecked here. They stay where they are, and so does the focus. */
  const [pinned, setPinned] = useState<{ [id: string]: 'first' | 'further' }>(
    {}
  );
  const isFirst = (id: string) =>
    others.length <= MOST_SHOWN ||
    (pinned[id] ?? (step.needs.includes(id) ? 'first' : 'further')) === 'first';
  const further = others.filter(id => !isFirst(id));
  const draw = (id: string) => {
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
              const place = isFirst(id) ? 'first' : 'further';
              setPinned(before => ({ ...before, [id]: place }));
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
  };
  return (
    <fieldset ref={group} className="dl-Group dl-Needs">
      <legend>{trans.__('Needs')}</legend>
      {!others.length && !missing.length && (
        <p className="dl-mod-quiet">{trans.__('There is no other step.')}</p>
      )}
      <ul>{[...others.filter(isFirst), ...missing].map(draw)}</ul>
      {further.length > 0 && (
        <details
          open={isUnfolded}
          onToggle={event => setUnfolded(event.currentTarget.open)}
        >
          <summary>
            {trans._n('%1 other step', '%1 other steps', further.length)}
          </summary>
          {isUnfolded && <ul>{further.map(draw)}</ul>}
        </details>
      )}
      {problem && (
        <div className="dl-Field-problem" role="alert">
          {problem}
        </div>
      )}
    </fieldset>
  );
}
