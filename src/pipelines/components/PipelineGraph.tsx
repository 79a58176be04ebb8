import { TranslationBundle } from '@jupyterlab/translation';
import React, { useMemo, useRef, useState } from 'react';

import type { PipelineStep, Progress } from '../../api';
import { useNow } from '../../shared/clock';
import { PhaseLabel } from '../../shared/components/StateLabel';
import { formatAbout, formatDuration } from '../../shared/format';
import { useLatest } from '../../shared/latest';
import { useWidth } from '../../shared/width';
import { placeSteps, PlacedStep } from '../layout';
import {
  hasEnded,
  labelOfItems,
  labelOfStep,
  nameOf,
  secondsOfStep
} from '../steps';
import { moveFocus, StepNode } from './StepNode';

/** A smaller graph could not be read; a wider one scrolls. */
const SMALLEST_SCALE = 0.8;

/** The steps of a pipeline and their order, from left to right. The arrow keys go from step to step. */
export function PipelineGraph(props: {
  steps: readonly PipelineStep[];
  /** Return the progress of a step that works. */
  progressOf?: (step: PipelineStep) => Progress | undefined;
  /** Called with a step that was clicked, or on which Enter was pressed. Without it the graph is only shown. */
  onOpen?: (step: PipelineStep) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { steps, onOpen, trans } = props;
  const shape = useMemo(
    () => JSON.stringify(steps.map(({ id, needs }) => ({ id, needs }))),
    [steps]
  );
  // The places depend on the edges alone, which do not change while the pipeline runs.
  const placed = useMemo(() => placeSteps(JSON.parse(shape)), [shape]);
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const scale = width > 0 ? clamp(width / placed.width, SMALLEST_SCALE, 1) : 1;
  const byId = new Map(steps.map(step => [step.id, step]));
  const [focused, setFocused] = useState('');
  const inFocus = byId.has(focused) ? focused : placed.nodes[0]?.id;
  const { open } = useLatest({
    open: (step: PipelineStep) => onOpen?.(step)
  });
  return (
    <div
      ref={frame}
      className="dl-Graph"
      role="group"
      aria-label={trans.__('Graph of the steps')}
      // Without buttons in it, the graph itself must have the focus to be scrolled.
      tabIndex={onOpen ? undefined : 0}
      onKeyDown={moveFocus}
    >
      <div
        className="dl-Graph-size"
        style={{
          width: Math.floor(placed.width * scale),
          height: Math.ceil(placed.height * scale)
        }}
      >
        <div
          className="dl-Graph-content"
          style={{
            width: placed.width,
            height: placed.height,
            transform: `scale(${scale})`
          }}
        >
          <svg
            width={placed.width}
            height={placed.height}
            aria-hidden="true"
            className="dl-Graph-edges"
          >
            {placed.edges.map(({ from, to, path }) => (
              <path
                key={`${from} ${to}`}
                d={path}
                data-passed={isPassed(byId.get(from), byId.get(to))}
              />
            ))}
          </svg>
          {placed.nodes.map(place => (
            <Node
              key={place.id}
              step={byId.get(place.id)!}
              place={place}
              isTabStop={place.id === inFocus}
              progress={props.progressOf?.(byId.get(place.id)!)}
              onFocus={setFocused}
              onOpen={onOpen && open}
              trans={trans}
            />
          ))}
        </div>
      </div>
    </div>
  );
}

/** Drawn again only when something of its own step has changed. */
const Node = React.memo(function Node(props: {
  step: PipelineStep;
  place: PlacedStep;
  isTabStop: boolean;
  progress: Progress | undefined;
  onFocus: (step: string) => void;
  onOpen?: (step: PipelineStep) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { step, place, onOpen, trans } = props;
  const details = [
    nameOf(step),
    step.condition && trans.__('if %1', step.condition),
    step.run_if !== 'all_success' && step.run_if,
    step.reason?.message
  ];
  return (
    <StepNode
      id={step.id}
      kind={step.kind}
      name={nameOf(step)}
      state={step.state}
      isFanOut={step.for_each}
      place={place}
      hint={details.filter(Boolean).join('\n')}
      isTabStop={props.isTabStop}
      onFocus={() => props.onFocus(step.id)}
      isButton={onOpen !== undefined}
      onClick={() => onOpen?.(step)}
      trans={trans}
    >
      {(onOpen || step.state === 'disabled') && (
        <PhaseLabel
          phase={step.state}
          label={labelOfStep(step, trans)}
          trans={trans}
        />
      )}
      <Caption step={step} progress={props.progress} trans={trans} />
    </StepNode>
  );
});

/** The last line of a node: how far a fan-out is, why the step ended so, or how long it worked. */
function Caption(props: {
  step: PipelineStep;
  progress: Progress | undefined;
  trans: TranslationBundle;
}): JSX.Element {
  const { step, progress, trans } = props;
  if (step.items) {
    const { succeeded, failed, total } = step.items;
    return (
      <span className="dl-Node-caption">
        <span>{labelOfItems(step, trans)}</span>
        <progress
          aria-hidden="true"
          value={succeeded + failed}
          max={total || 1}
          data-failed={failed > 0 || undefined}
        />
      </span>
    );
  }
  return (
    <span className="dl-Node-caption">
      {(saysReason(step) && step.reason?.message) || (
        <>
          <StepDuration step={step} />
          <ExpectedDuration step={step} trans={trans} />
          {progress && progress.total > 0 && (
            <>
              {' · '}
              {trans.__('%1 of %2 cells', progress.done, progress.total)}
            </>
          )}
        </>
      )}
    </span>
  );
}

/** Tell whether the reason is worth the place: why a step ended so, and not why it runs or was reused. */
function saysReason({ state }: PipelineStep): boolean {
  return state !== 'running' && state !== 'succeeded';
}

/** The time that a step is expected to take, while it waits or works. */
export function ExpectedDuration(props: {
  step: PipelineStep;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { step, trans } = props;
  if (step.expected_s === null || hasEnded(step)) {
    return null;
  }
  const about = formatAbout(step.expected_s);
  return (
    <span
      className="dl-mod-quiet"
      title={trans.__('It took so long before: the median of its last runs')}
    >
      {step.started_at ? trans.__(' of ~%1', about) : trans.__('~%1', about)}
    </span>
  );
}

/** The time that a step has worked; it counts while the step works. */
export function StepDuration(props: {
  step: PipelineStep;
}): JSX.Element | null {
  const { step } = props;
  const live = step.started_at !== null && !hasEnded(step);
  const now = useNow(live);
  const seconds = secondsOfStep(step, now);
  return seconds === null ? null : (
    <span className="dl-Duration">
      {formatDuration(live ? Math.floor(seconds) : seconds)}
    </span>
  );
}

/** Tell whether the pipeline has gone along an edge. */
function isPassed(from?: PipelineStep, to?: PipelineStep): boolean {
  return Boolean(from && to && hasEnded(from) && to.started_at);
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
