import { TranslationBundle } from '@jupyterlab/translation';
import { lockIcon } from '@jupyterlab/ui-components';
import React, { Suspense, useCallback, useId, useRef, useState } from 'react';

import type { StepKind } from '../../../api';
import { Tabs } from '../../../shared/components/Tabs';
import { succeededIcon, failedIcon, queuedIcon } from '../../../shared/icons';
import { useSignal } from '../../../shared/signals';
import { Problems } from '../../components/Problems';
import { AddStep } from './AddStep';
import { EditableSteps } from './EditableSteps';
import { PipelineProperties } from './PipelineProperties';
import { StepProperties } from './StepProperties';
import { Unreadable } from './Unreadable';
import {
  EditedStep,
  EditRefused,
  NewStep,
  PipelineDocument,
  PipelineState
} from '../document';
import type { OpenPipeline } from '../open';
import type { EditorView } from '../view';

const PipelineCanvas = React.lazy(() => import('../Canvas'));

type Props = {
  pipeline: OpenPipeline;
  view: EditorView;
  /** False while the editor has no size. */
  isVisible: boolean;
  /** Open the notebook or script of a step. */
  onOpen: (step: string) => void;
  /** Tell why an edit was refused. */
  onRefused: (reason: string) => void;
  trans: TranslationBundle;
};

/** The steps of a pipeline as a graph or a list, and the properties of what is selected beside them. */
export function EditorScreen(props: Props): JSX.Element {
  const { pipeline, view, trans } = props;
  const { document, selection, isReadOnly } = pipeline;
  const state = useSignal(document.changed, () => document.state);
  const shown = useSignal(view.changed, () => view.state);
  const selected = useSignal(selection.changed, () => selection.selected);
  const [said, setSaid] = useState('');
  const panel = useId();
  const root = useRef<HTMLDivElement>(null);
  const focus = (selector: string) =>
    // The element may be drawn only now.
    requestAnimationFrame(() =>
      root.current?.querySelector<HTMLElement>(selector)?.focus()
    );
  const { onRefused } = props;
  const onEdit = useCallback(
    (edit: () => void) => {
      try {
        edit();
      } catch (reason) {
        if (!(reason instanceof EditRefused)) {
          throw reason;
        }
        onRefused(reason.message);
      }
    },
    [onRefused]
  );
  if (state.unreadable) {
    return (
      <Unreadable
        source={document.source}
        problem={state.unreadable}
        onEdit={() => pipeline.showText(state.unreadable!)}
        trans={trans}
      />
    );
  }
  const onlyStep = selection.step;
  const step = onlyStep === null ? undefined : document.step(onlyStep);
  const select = (id: string) => {
    view.set({ isAdding: false });
    selection.select(id);
  };
  const add = (newStep: NewStep) =>
    onEdit(() => {
      const id = document.addStep(newStep);
      select(id);
      setSaid(trans.__('%1 is added.', id));
      focus(`.dl-EditorStep[data-step="${id}"] .dl-EditorStep-name`);
    });
  const common = {
    document,
    state,
    disabled: isReadOnly,
    onEdit,
    trans
  };
  return (
    <div className="dl-Editor" ref={root}>
      <div className="dl-Editor-head">
        <Tabs
          tabs={[
            { id: 'graph', label: trans.__('Graph') },
            { id: 'list', label: trans.__('List') }
          ]}
          selected={shown.steps}
          label={trans.__('Steps as')}
          panelOf={() => panel}
          onSelect={steps => view.set({ steps: steps as 'graph' | 'list' })}
        />
        {isReadOnly && (
          <span className="dl-Editor-readOnly">
            <lockIcon.react tag="span" />
            {document.refusal}
          </span>
        )}
        <ProblemSummary {...props} onSelect={select} />
      </div>
      <div className="dl-Editor-body">
        <div
          id={panel}
          className="dl-Editor-steps"
          role="tabpanel"
          aria-label={
            shown.steps === 'graph' ? trans.__('Graph') : trans.__('List')
          }
        >
          {shown.steps === 'graph' ? (
            <Suspense
              fallback={<p className="dl-Empty">{trans.__('Loading…')}</p>}
            >
              <PipelineCanvas
                document={document}
                selection={selection}
                files={pipeline.files}
                isVisible={props.isVisible}
                onOpen={props.onOpen}
                trans={trans}
              />
            </Suspense>
          ) : (
            <EditableSteps
              {...common}
              selected={selected.steps}
              onSelect={select}
              onProperties={id => {
                select(id);
                focus('.dl-Editor-side input, .dl-Editor-side textarea');
              }}
              onSay={setSaid}
              onAdd={() => view.set({ isAdding: true })}
            />
          )}
        </div>
        <aside
          className="dl-Editor-side"
          aria-label={trans.__('Properties')}
          onKeyDown={event => {
            // Back to the step in the list.
            if (event.key === 'Escape' && step && shown.steps === 'list') {
              focus(
                `.dl-EditorStep[data-step="${step.id}"] .dl-EditorStep-name`
              );
            }
          }}
        >
          <Side
            {...common}
            pipeline={pipeline}
            step={step}
            isAdding={shown.isAdding}
            onOpen={props.onOpen}
            onAdd={add}
            onCancel={() => {
              view.set({ isAdding: false });
              focus('.dl-EditorSteps > button');
            }}
          />
        </aside>
      </div>
      <div className="dl-mod-hidden" role="status">
        {said}
      </div>
    </div>
  );
}

/** The form of a new step, or the properties of a step or of the pipeline. */
function Side(props: {
  pipeline: OpenPipeline;
  step: EditedStep | undefined;
  isAdding: boolean;
  document: PipelineDocument;
  state: PipelineState;
  disabled: boolean;
  onEdit: (edit: () => void) => void;
  onOpen: (step: string) => void;
  onAdd: (step: NewStep) => void;
  onCancel: () => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { pipeline, step, isAdding, document, state, disabled } = props;
  const { onEdit, onOpen, trans } = props;
  const { lookups } = pipeline;
  useSignal(lookups.changed, () => lookups.revision);
  const common = { document, state, lookups, disabled, onEdit, trans };
  const onBrowse = (kind: StepKind) => pipeline.browse(kind);
  if (isAdding) {
    return (
      <AddStep
        steps={state.steps}
        files={lookups.files() ?? []}
        after={step?.id ?? null}
        disabled={disabled}
        onBrowse={onBrowse}
        onAdd={props.onAdd}
        onCancel={props.onCancel}
        trans={trans}
      />
    );
  }
  return step ? (
    <StepProperties
      {...common}
      key={step.id}
      step={step}
      onBrowse={onBrowse}
      onOpen={onOpen}
    />
  ) : (
    <PipelineProperties {...common} />
  );
}

/** The number of problems, and on demand each of them. */
function ProblemSummary(
  props: Props & { onSelect: (step: string) => void }
): JSX.Element {
  const { pipeline, trans } = props;
  const { document } = pipeline;
  const { problems, checking } = useSignal(
    document.changed,
    () => document.state
  );
  const [isOpen, setOpen] = useState(false);
  const count = problems.length;
  const [Icon, text] = count
    ? [failedIcon, trans._n('%1 problem', '%1 problems', count)]
    : checking
      ? [queuedIcon, trans.__('Checking…')]
      : [succeededIcon, trans.__('No problems')];
  return (
    <div className="dl-Editor-problems" data-checking={checking || undefined}>
      <button
        type="button"
        className="dl-Button dl-mod-link"
        aria-expanded={isOpen && count > 0}
        disabled={!count}
        onClick={() => setOpen(!isOpen)}
      >
        <Icon.react tag="span" />
        {text}
      </button>
      <span className="dl-mod-hidden" role="status">
        {text}
      </span>
      {isOpen && count > 0 && (
        <div className="dl-Editor-problemList">
          <Problems
            problems={problems}
            onShow={problem =>
              problem.step !== null && document.step(problem.step)
                ? props.onSelect(problem.step)
                : pipeline.showText(problem)
            }
            trans={trans}
          />
        </div>
      )}
    </div>
  );
}
