import { TranslationBundle } from '@jupyterlab/translation';
import React, { useEffect, useId, useRef, useState } from 'react';

import type { StepKind } from '../../../api';
import { kindOfPath, labelOfKind } from '../../../shared/kinds';
import type { EditedStep, NewStep } from '../document';
import { freeStepId, isStepId, stepIdOf } from '../stepIds';
import { ChoiceField } from './fields';
import { TextField } from '../../../shared/components/TextField';

const KINDS: StepKind[] = ['notebook', 'script', 'command', 'approval'];

/** The form for a new step. */
export function AddStep(props: {
  steps: readonly EditedStep[];
  /** The notebooks and scripts beside the pipeline. */
  files: readonly string[];
  /** The step that the new one needs, unless a person chooses otherwise. */
  after: string | null;
  disabled: boolean;
  onBrowse: (kind: 'notebook' | 'script') => Promise<string | null>;
  onAdd: (step: NewStep) => void;
  onCancel: () => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { steps, files, disabled, onAdd, trans } = props;
  const prefix = useId();
  const form = useRef<HTMLFormElement>(null);
  const [kind, setKind] = useState<StepKind>('notebook');
  const [content, setContent] = useState('');
  const [typedId, setTypedId] = useState<string | null>(null);
  const [after, setAfter] = useState(props.after ?? '');
  const isFile = kind === 'notebook' || kind === 'script';
  const taken = steps.map(step => step.id);
  const guessed = isFile ? content && stepIdOf(content) : DEFAULT_IDS[kind];
  const id = typedId ?? (guessed && freeStepId(guessed, taken));
  const idProblem = !id
    ? undefined
    : taken.includes(id)
      ? trans.__('There is a step %1 already.', id)
      : isStepId(id)
        ? undefined
        : trans.__('Use small letters, digits and underscores.');
  const words = content.split(/\s+/).filter(Boolean);
  const isReady =
    content.trim() !== '' &&
    id !== '' &&
    idProblem === undefined &&
    (!isFile || kindOfPath(content) === kind);
  useEffect(() => {
    form.current?.querySelector('select')?.focus();
  }, []);
  const labels = {
    notebook: trans.__('Path of the notebook'),
    script: trans.__('Path of the script'),
    command: trans.__('Command'),
    approval: trans.__('Question')
  };
  return (
    <form
      ref={form}
      className="dl-Form dl-Properties"
      aria-label={trans.__('Add a step')}
      noValidate
      onSubmit={event => {
        event.preventDefault();
        if (!isReady || disabled) {
          return;
        }
        const needs = after ? [after] : [];
        const common = { id, needs };
        onAdd(
          kind === 'command'
            ? { ...common, kind, command: words }
            : kind === 'approval'
              ? { ...common, kind, ask: content.trim() }
              : { ...common, kind, path: content.trim() }
        );
      }}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          event.stopPropagation();
          props.onCancel();
        }
      }}
    >
      <h2>{trans.__('Add a step')}</h2>
      <ChoiceField
        id={`${prefix}-kind`}
        label={trans.__('Kind')}
        value={kind}
        options={KINDS.map(each => [each, labelOfKind(each, trans)] as const)}
        disabled={disabled}
        onChoose={chosen => {
          setKind(chosen as StepKind);
          setContent('');
          setTypedId(null);
        }}
      />
      <TextField
        id={`${prefix}-content`}
        label={labels[kind]}
        hint={kind === 'command' ? trans.__('no shell reads it') : undefined}
        problem={
          isFile && content && kindOfPath(content) !== kind
            ? kind === 'notebook'
              ? trans.__('A notebook ends with .ipynb.')
              : trans.__('A script ends with .py, .sh or .R.')
            : undefined
        }
        list={`${prefix}-files`}
        value={content}
        disabled={disabled}
        required
        onChange={text => {
          setContent(text);
          const found = kindOfPath(text);
          // The path says which of both it is.
          if (isFile && (found === 'notebook' || found === 'script')) {
            setKind(found);
          }
        }}
        beside={
          isFile && (
            <button
              type="button"
              className="dl-Button"
              disabled={disabled}
              onClick={() =>
                void props
                  .onBrowse(kind)
                  .then(path => path !== null && setContent(path))
              }
            >
              {trans.__('Browse…')}
            </button>
          )
        }
      />
      <datalist id={`${prefix}-files`}>
        {isFile &&
          files
            .filter(path => kindOfPath(path) === kind)
            .map(path => <option key={path} value={path} />)}
      </datalist>
      <TextField
        id={`${prefix}-id`}
        label={trans.__('Id')}
        hint={trans.__('for expressions and needs')}
        problem={idProblem}
        value={id}
        disabled={disabled}
        required
        onChange={setTypedId}
      />
      <ChoiceField
        id={`${prefix}-after`}
        label={trans.__('Needs')}
        value={after}
        options={[
          ['', trans.__('no other step')],
          ...taken.map(other => [other, other] as const)
        ]}
        disabled={disabled}
        onChoose={setAfter}
      />
      <div className="dl-Form-submit">
        <button
          type="submit"
          className="jp-mod-styled jp-mod-accept"
          disabled={disabled || !isReady}
        >
          {trans.__('Add')}
        </button>
        <button
          type="button"
          className="jp-mod-styled jp-mod-reject"
          onClick={props.onCancel}
        >
          {trans.__('Cancel')}
        </button>
      </div>
    </form>
  );
}

const DEFAULT_IDS = { command: 'command', approval: 'approve' };
