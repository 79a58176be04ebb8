import { TranslationBundle } from '@jupyterlab/translation';

import type { PipelineStep, StepState } from '../api';
import { labelOf, labelOfSuccess } from '../shared/phases';

const UNFINISHED: ReadonlySet<StepState> = new Set([
  'waiting',
  'running',
  'awaiting_approval'
]);

export function hasEnded(step: PipelineStep): boolean {
  return !UNFINISHED.has(step.state);
}

export function nameOf(step: PipelineStep): string {
  return step.title || step.id;
}

/** Tell whether the step took over an earlier result because nothing has changed. */
export function isReused(
  step: Pick<PipelineStep, 'reason' | 'started_at' | 'taken_from'>
): boolean {
  return (
    step.reason?.code === 'reused' &&
    step.taken_from !== null &&
    step.started_at === null
  );
}

/** Return the state in words, with the flags of a success. */
export function labelOfStep(
  step: PipelineStep,
  trans: TranslationBundle
): string {
  if (step.state !== 'succeeded') {
    return labelOf(step.state, trans);
  }
  if (isReused(step)) {
    return trans.__('Reused');
  }
  const approved = step.approval ? trans.__('Approved') : undefined;
  return labelOfSuccess(step, trans) ?? approved ?? labelOf(step.state, trans);
}

/** Return the numbers of a fan-out as one text, like `12 of 40, 1 failed`; empty before it starts. */
export function labelOfItems(
  step: PipelineStep,
  trans: TranslationBundle
): string {
  const { items } = step;
  if (!items) {
    return '';
  }
  const ended = trans.__(
    '%1 of %2',
    items.succeeded + items.failed,
    items.total
  );
  return items.failed ? trans.__('%1, %2 failed', ended, items.failed) : ended;
}

/** Return the seconds that a step has worked, or null before it starts. `now` is in milliseconds. */
export function secondsOfStep(step: PipelineStep, now: number): number | null {
  if (!step.started_at) {
    return null;
  }
  const end = step.finished_at ? Date.parse(step.finished_at) : now;
  return Math.max(0, (end - Date.parse(step.started_at)) / 1000);
}

/** The place of a bar on the time line of a run, both in percent of its length. */
export type Bar = { start: number; length: number };

const SHORTEST_PERCENT = 0.5;

/** Place the bar of a step between the start of its run and `end`, both in milliseconds; null before it starts. */
export function barOf(
  step: PipelineStep,
  start: number,
  end: number
): Bar | null {
  if (!step.started_at || end <= start) {
    return null;
  }
  const percent = (instant: number) =>
    Math.min(100, Math.max(0, ((instant - start) / (end - start)) * 100));
  const from = percent(Date.parse(step.started_at));
  const to = step.finished_at ? percent(Date.parse(step.finished_at)) : 100;
  const length = Math.max(SHORTEST_PERCENT, to - from);
  return { start: Math.min(from, 100 - length), length };
}
