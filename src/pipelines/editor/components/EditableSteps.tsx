import { TranslationBundle } from '@jupyterlab/translation';
import {
  caretDownIcon,
  caretUpIcon,
  closeIcon,
  editIcon,
  LabIcon
} from '@jupyterlab/ui-components';
import React, { useId, useMemo, useRef, useState } from 'react';

import { KindIcon } from '../../../shared/components/KindIcon';
import { disabledIcon, failedIcon, pipelineIcon } from '../../../shared/icons';
import { useLatest } from '../../../shared/latest';
import {
  byStep,
  EditedStep,
  EditorProblem,
  PipelineDocument,
  PipelineState
} from '../document';
import { isStepId } from '../stepIds';
import { NeedsList } from './NeedsList';

type Props = {
  document: PipelineDocument;
  state: PipelineState;
  selected: readonly string[];
  disabled: boolean;
  onSelect: (step: string) => void;
  /** Show the properties of a step, and move the focus there. */
  onProperties: (step: string) => void;
  onEdit: (edit: () => void) => void;
  /** Say what has changed, for those who do not see it. */
  onSay: (text: string) => void;
  onAdd: () => void;
  trans: TranslationBundle;
};

/**
 * The steps as a list that can be edited with the keys alone: the accessible form of the canvas.
 *
 * The arrow keys go from step to step, and Tab to the buttons of one.
 */
export function EditableSteps(props: Props): JSX.Element {
  const { document, state, onEdit, onSay, trans } = props;
  const { steps } = state;
  const list = useRef<HTMLOListElement>(null);
  const [focused, setFocused] = useState<string | null>(null);
  const [open, setOpen] = useState<{ step: string; part: OpenPart } | null>(
    null
  );
  const hint = useId();
  const current =
    steps.find(step => step.id === focused)?.id ??
    steps.find(step => props.selected.includes(step.id))?.id ??
    steps[0]?.id;
  const focusStep = (id: string | undefined) =>
    // The list is drawn again first.
    requestAnimationFrame(() =>
      [...(list.current?.querySelectorAll<HTMLElement>('[data-step]') ?? [])]
        .find(row => row.dataset.step === id)
        ?.querySelector<HTMLElement>('.dl-EditorStep-name')
        ?.focus()
    );
  const remove = (id: string) => {
    const at = steps.findIndex(step => step.id === id);
    onEdit(() => document.removeStep(id));
    onSay(trans.__('%1 is removed.', id));
    focusStep((steps[at + 1] ?? steps[at - 1])?.id);
  };
  const move = (id: string, by: -1 | 1) => {
    onEdit(() => document.moveStep(id, by));
    const at = document.steps.findIndex(step => step.id === id);
    onSay(trans.__('%1 is number %2 of %3.', id, at + 1, steps.length));
    focusStep(id);
  };
  const rename = (id: string, name: string) => {
    setOpen(null);
    onEdit(() => {
      document.renameStep(id, name);
      setFocused(name);
      props.onSelect(name);
      onSay(trans.__('%1 is now %2.', id, name));
    });
    focusStep(name);
  };
  const onKeyDown = (id: string, event: React.KeyboardEvent) => {
    const at = steps.findIndex(step => step.id === id);
    const target = {
      ArrowUp: at - 1,
      ArrowDown: at + 1,
      Home: 0,
      End: steps.length - 1
    }[event.key];
    const isArrow = event.key === 'ArrowUp' || event.key === 'ArrowDown';
    if (props.disabled && event.key !== 'Enter' && target === undefined) {
      return;
    }
    if (isArrow && event.altKey) {
      move(id, event.key === 'ArrowUp' ? -1 : 1);
    } else if (target !== undefined) {
      focusStep(steps[Math.min(Math.max(target, 0), steps.length - 1)]?.id);
    } else if (event.key === 'F2') {
      setOpen({ step: id, part: 'name' });
    } else if (event.key === 'Delete') {
      remove(id);
    } else if (event.key === 'Enter') {
      props.onProperties(id);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  const openPart = (id: string, part: OpenPart | null) => {
    setOpen(part && { step: id, part });
    if (!part) {
      focusStep(id);
    }
  };
  const latest = {
    onOpen: openPart,
    onFocus: setFocused as (id: string) => void,
    onSelect: props.onSelect,
    onKeyDown,
    onMove: move,
    onRemove: remove,
    onRename: rename,
    onEdit
  };
  const actions = useLatest(latest);
  const problemsOf = useMemo(() => byStep(state.problems), [state.problems]);
  return (
    <div className="dl-EditorSteps">
      <p id={hint} className="dl-mod-quiet">
        {props.disabled
          ? trans.__('Arrow keys: next step. Enter: properties.')
          : trans.__(
              'Arrow keys: next step. Enter: properties. F2: rename. Delete: remove. Alt and arrows: move.'
            )}
      </p>
      <ol ref={list} aria-label={trans.__('Steps')} aria-describedby={hint}>
        {steps.map((step, at) => {
          const part = open?.step === step.id ? open.part : null;
          return (
            <Row
              key={step.id}
              step={step}
              // Only an open part looks at the other steps.
              steps={part ? steps : NO_STEPS}
              document={document}
              problems={problemsOf.get(step.id) ?? NO_PROBLEMS}
              disabled={props.disabled}
              isFirst={at === 0}
              isLast={at === steps.length - 1}
              isTabStop={step.id === current}
              isSelected={props.selected.includes(step.id)}
              open={part}
              actions={actions}
              trans={trans}
            />
          );
        })}
      </ol>
      {!steps.length && (
        <p className="dl-Empty">{trans.__('There is no step yet.')}</p>
      )}
      <button
        type="button"
        className="dl-Button"
        disabled={props.disabled}
        onClick={props.onAdd}
      >
        {trans.__('Add a step')}
      </button>
    </div>
  );
}

type OpenPart = 'name' | 'needs';

/** The acts that a person has in a row; `id` is the step of the row. */
type Actions = {
  onOpen: (id: string, part: OpenPart | null) => void;
  onFocus: (id: string) => void;
  onSelect: (id: string) => void;
  onKeyDown: (id: string, event: React.KeyboardEvent) => void;
  onMove: (id: string, by: -1 | 1) => void;
  onRemove: (id: string) => void;
  onRename: (id: string, name: string) => void;
  onEdit: (edit: () => void) => void;
};

const NO_STEPS: readonly EditedStep[] = [];
const NO_PROBLEMS: readonly EditorProblem[] = [];

/** Drawn again only when something of its own step has changed. */
const Row = React.memo(function Row(props: {
  step: EditedStep;
  /** All steps, while a part of the row is open. */
  steps: readonly EditedStep[];
  document: PipelineDocument;
  problems: readonly EditorProblem[];
  disabled: boolean;
  isFirst: boolean;
  isLast: boolean;
  isTabStop: boolean;
  isSelected: boolean;
  open: OpenPart | null;
  actions: Actions;
  trans: TranslationBundle;
}): JSX.Element {
  const { step, steps, document, problems, open, disabled, trans } = props;
  const { actions } = props;
  const { id } = step;
  const problemsId = useId();
  const needsId = useId();
  const onOpen = (part: OpenPart | null) => actions.onOpen(id, part);
  const tabIndex = props.isTabStop ? 0 : -1;
  const action = (
    icon: LabIcon,
    label: string,
    act: () => void,
    isOff = false,
    more: React.AriaAttributes = {}
  ) => (
    <button
      type="button"
      className="dl-Button dl-mod-icon"
      aria-label={label}
      title={label}
      tabIndex={tabIndex}
      disabled={disabled || isOff}
      onClick={act}
      {...more}
    >
      <icon.react tag="span" />
    </button>
  );
  return (
    <li
      className="dl-EditorStep"
      data-step={id}
      data-selected={props.isSelected || undefined}
      data-disabled={step.disabled || undefined}
      onFocus={() => actions.onFocus(id)}
    >
      <div className="dl-EditorStep-head">
        {open === 'name' ? (
          <RenameStep
            step={id}
            taken={steps.map(other => other.id)}
            onRename={name => actions.onRename(id, name)}
            onCancel={() => onOpen(null)}
            trans={trans}
          />
        ) : (
          <button
            type="button"
            className="dl-EditorStep-name"
            tabIndex={tabIndex}
            aria-pressed={props.isSelected}
            aria-invalid={problems.length > 0 || undefined}
            aria-describedby={problems.length ? problemsId : undefined}
            onClick={() => actions.onSelect(id)}
            onKeyDown={event => actions.onKeyDown(id, event)}
          >
            <KindIcon kind={step.kind} trans={trans} />
            <strong>{id}</strong>
            <span className="dl-EditorStep-about">
              {aboutStep(step, trans)}
            </span>
          </button>
        )}
        <div
          className="dl-EditorStep-actions"
          role="group"
          aria-label={trans.__('Actions for %1', id)}
        >
          {action(
            pipelineIcon,
            trans.__('Needs of %1…', id),
            () => onOpen(open === 'needs' ? null : 'needs'),
            false,
            { 'aria-expanded': open === 'needs', 'aria-controls': needsId }
          )}
          {action(editIcon, trans.__('Rename %1', id), () => onOpen('name'))}
          {action(
            caretUpIcon,
            trans.__('Move %1 up', id),
            () => actions.onMove(id, -1),
            props.isFirst
          )}
          {action(
            caretDownIcon,
            trans.__('Move %1 down', id),
            () => actions.onMove(id, 1),
            props.isLast
          )}
          {action(closeIcon, trans.__('Remove %1', id), () =>
            actions.onRemove(id)
          )}
        </div>
      </div>
      {problems.length > 0 && (
        <ul id={problemsId} className="dl-EditorStep-problems">
          {problems.map(problem => (
            <li key={`${problem.line} ${problem.message}`}>
              <failedIcon.react tag="span" />
              {problem.message}
            </li>
          ))}
        </ul>
      )}
      {open === 'needs' && (
        <div
          id={needsId}
          onKeyDown={event => {
            if (event.key === 'Escape') {
              event.stopPropagation();
              onOpen(null);
            }
          }}
        >
          <NeedsList
            step={step}
            document={document}
            steps={steps}
            disabled={disabled}
            takesFocus
            onEdit={actions.onEdit}
            trans={trans}
          />
        </div>
      )}
    </li>
  );
});

/** Return what the list says of a step beside its id. */
function aboutStep(
  step: EditedStep,
  trans: TranslationBundle
): React.ReactNode {
  const parts = [
    step.title,
    step.path ?? step.command.join(' '),
    step.needs.length > 0 && trans.__('needs %1', step.needs.join(', ')),
    step.condition !== null && trans.__('if %1', step.condition),
    step.run_if !== 'all_success' && step.run_if,
    step.for_each && trans.__('for each item')
  ];
  return (
    <>
      {parts.filter(Boolean).join(' · ')}
      {step.disabled && (
        <span className="dl-EditorStep-disabled">
          <disabledIcon.react tag="span" />
          {trans.__('disabled')}
        </span>
      )}
    </>
  );
}

function RenameStep(props: {
  step: string;
  taken: readonly string[];
  onRename: (name: string) => void;
  onCancel: () => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { step, taken, onRename, onCancel, trans } = props;
  const [name, setName] = useState(step);
  const problemId = useId();
  const problem =
    name === step
      ? null
      : taken.includes(name)
        ? trans.__('There is a step %1 already.', name)
        : isStepId(name)
          ? null
          : trans.__('Use small letters, digits and underscores.');
  return (
    <form
      className="dl-EditorStep-rename"
      onSubmit={event => {
        event.preventDefault();
        if (name === step) {
          onCancel();
        } else if (problem === null) {
          onRename(name);
        }
      }}
    >
      <input
        className="jp-mod-styled"
        autoFocus
        aria-label={trans.__('New id of %1', step)}
        aria-invalid={problem !== null || undefined}
        aria-describedby={problem === null ? undefined : problemId}
        value={name}
        spellCheck={false}
        onFocus={event => event.target.select()}
        onChange={event => setName(event.target.value)}
        onKeyDown={event => {
          event.stopPropagation();
          if (event.key === 'Escape') {
            onCancel();
          }
        }}
      />
      {problem !== null && (
        <span id={problemId} className="dl-Field-problem" role="alert">
          {problem}
        </span>
      )}
    </form>
  );
}
