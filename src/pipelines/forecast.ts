import type { PipelineStep } from '../api';
import { hasEnded } from './steps';

/** The time of a step that has not ended, in milliseconds since the epoch, as far as it can be told ahead. */
export type Forecast = { start: number; end: number };

/**
 * Tell when the steps that have not ended will start and end, from the durations of before. A step without an expected
 * duration has no forecast, nor have those that need it. The time in which people decide is not known and counts nothing.
 */
export function forecastOf(
  steps: readonly PipelineStep[],
  now: number
): Map<string, Forecast> {
  const byId = new Map(steps.map(step => [step.id, step]));
  const found = new Map<string, Forecast | null>();
  const find = (id: string): Forecast | null => {
    const step = byId.get(id);
    if (!step || hasEnded(step)) {
      return { start: now, end: now };
    }
    const known = found.get(id);
    if (known !== undefined) {
      return known;
    }
    // A file with a circle never runs, but must not hang this page.
    found.set(id, null);
    const needs = step.needs.map(find);
    const forecast = needs.some(need => need === null)
      ? null
      : forecastOfStep(
          step,
          Math.max(now, ...needs.map(need => need!.end)),
          now
        );
    found.set(id, forecast);
    return forecast;
  };
  const all = new Map<string, Forecast>();
  for (const step of steps) {
    const forecast = hasEnded(step) ? null : find(step.id);
    if (forecast) {
      all.set(step.id, forecast);
    }
  }
  return all;
}

function forecastOfStep(
  step: PipelineStep,
  ready: number,
  now: number
): Forecast | null {
  const began = step.run_started_at ?? step.started_at;
  const start = began ? Date.parse(began) : ready;
  if (step.kind === 'approval') {
    return { start, end: ready };
  }
  return step.expected_s === null
    ? null
    : { start, end: Math.max(now, start + step.expected_s * 1000) };
}

/** Return the seconds until all steps will have ended; null when nobody knows of one of them. */
export function remainingSeconds(
  steps: readonly PipelineStep[],
  now: number
): number | null {
  const forecasts = forecastOf(steps, now);
  const open = steps.filter(step => !hasEnded(step));
  return open.length && open.every(step => forecasts.has(step.id))
    ? Math.max(...open.map(step => forecasts.get(step.id)!.end - now)) / 1000
    : null;
}

const NICE_SECONDS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800,
  43200, 86400
];
const MOST_TICKS = 7;

/** Return the marks of a time axis of this length, in seconds from its start. */
export function ticksOf(seconds: number): number[] {
  const step =
    NICE_SECONDS.find(nice => seconds / nice <= MOST_TICKS) ??
    Math.ceil(seconds / MOST_TICKS / 86400) * 86400;
  const count = Math.floor(seconds / step);
  return Array.from({ length: count + 1 }, (_, at) => at * step);
}
