import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { PipelineStep } from '../../api';
import { useNow } from '../../shared/clock';
import { KindIcon } from '../../shared/components/KindIcon';
import { formatAbout, formatDuration } from '../../shared/format';
import { phaseAppearance } from '../../shared/phases';
import { Forecast, forecastOf, ticksOf } from '../forecast';
import { labelOfItems, labelOfStep, nameOf } from '../steps';

/** The steps of a run as bars on one time axis. A light part is the time in the queue, a dashed one is expected. */
export function Timeline(props: {
  steps: readonly PipelineStep[];
  /** The times of the run. */
  startedAt: string | null;
  finishedAt: string | null;
  onOpen: (step: PipelineStep) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { steps, startedAt, finishedAt, onOpen, trans } = props;
  const live = startedAt !== null && finishedAt === null;
  const now = useNow(live);
  const forecasts = live ? forecastOf(steps, now) : new Map<string, Forecast>();
  const start = startedAt === null ? now : Date.parse(startedAt);
  const end = Math.max(
    start + 1000,
    finishedAt === null ? now : Date.parse(finishedAt),
    ...[...forecasts.values()].map(forecast => forecast.end)
  );
  const percent = (instant: number) =>
    Math.min(100, Math.max(0, ((instant - start) / (end - start)) * 100));
  const ticks = ticksOf((end - start) / 1000);
  const marks = (
    <>
      {ticks.map(tick => (
        <span
          key={tick}
          className="dl-Timeline-mark"
          style={{ left: `${percent(start + tick * 1000)}%` }}
        />
      ))}
    </>
  );
  return (
    <table className="dl-Timeline">
      <thead>
        <tr>
          <th scope="col">{trans.__('Step')}</th>
          <th scope="col">
            <span className="dl-mod-hidden">{trans.__('Time line')}</span>
            <div className="dl-Timeline-axis" aria-hidden="true">
              {ticks.map(tick => (
                <span
                  key={tick}
                  style={{ left: `${percent(start + tick * 1000)}%` }}
                >
                  {formatDuration(tick)}
                </span>
              ))}
            </div>
          </th>
        </tr>
      </thead>
      <tbody>
        {steps.map(step => (
          <tr key={step.id} data-step={step.id}>
            <th scope="row">
              <KindIcon kind={step.kind} trans={trans} />
              {step.run_id || step.items ? (
                <button
                  type="button"
                  className="dl-Button dl-mod-link"
                  onClick={() => onOpen(step)}
                >
                  {nameOf(step)}
                </button>
              ) : (
                nameOf(step)
              )}
            </th>
            <td>
              <Track
                step={step}
                forecast={forecasts.get(step.id)}
                now={now}
                percent={percent}
                marks={marks}
                trans={trans}
              />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Track(props: {
  step: PipelineStep;
  forecast: Forecast | undefined;
  now: number;
  percent: (instant: number) => number;
  marks: React.ReactNode;
  trans: TranslationBundle;
}): JSX.Element {
  const { step, forecast, now, percent, trans } = props;
  const queued = step.started_at ? Date.parse(step.started_at) : null;
  const began = step.run_started_at ? Date.parse(step.run_started_at) : queued;
  const ended = step.finished_at ? Date.parse(step.finished_at) : now;
  // A fan-out has many runs, each with a wait of its own; a step whose run is still queued has only waited.
  const isQueued = step.run_id !== null && !step.run_started_at;
  const workFrom = isQueued ? ended : began;
  const { tone } = phaseAppearance(step.state);
  const bar = (kind: string, from: number, to: number) => (
    <span
      className="dl-Timeline-bar"
      data-kind={kind}
      data-tone={tone}
      style={{
        left: `${percent(from)}%`,
        width: `${percent(to) - percent(from)}%`
      }}
    />
  );
  const text = textOf(step, { queued, workFrom, ended, forecast }, trans);
  return (
    <div className="dl-Timeline-track" title={text}>
      {props.marks}
      {queued !== null &&
        workFrom !== null &&
        workFrom > queued &&
        bar('queue', queued, workFrom)}
      {workFrom !== null && !isQueued && bar('work', workFrom, ended)}
      {forecast &&
        step.kind !== 'approval' &&
        bar('expected', Math.max(now, forecast.start), forecast.end)}
      <span
        className="dl-Timeline-text"
        style={{
          left: `${queued === null ? 0 : percent(Math.max(ended, forecast?.end ?? 0))}%`
        }}
        aria-hidden="true"
      >
        {step.items
          ? labelOfItems(step, trans)
          : queued === null && !forecast
            ? labelOfStep(step, trans)
            : ''}
      </span>
      <span className="dl-mod-hidden">{text}</span>
    </div>
  );
}

/** Return what the bars show, as one text. */
function textOf(
  step: PipelineStep,
  times: {
    queued: number | null;
    workFrom: number | null;
    ended: number;
    forecast?: Forecast;
  },
  trans: TranslationBundle
): string {
  const { queued, workFrom, ended } = times;
  const waited =
    queued !== null && workFrom !== null ? (workFrom - queued) / 1000 : 0;
  const worked = workFrom !== null ? (ended - workFrom) / 1000 : 0;
  return [
    labelOfStep(step, trans),
    step.items && labelOfItems(step, trans),
    waited >= 0.1 && trans.__('in the queue for %1', formatDuration(waited)),
    worked > 0 && trans.__('worked for %1', formatDuration(worked)),
    times.forecast &&
      step.expected_s !== null &&
      trans.__('expected: about %1', formatAbout(step.expected_s))
  ]
    .filter(Boolean)
    .join(', ');
}
