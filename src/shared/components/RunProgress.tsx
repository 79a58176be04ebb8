import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { RunSummary } from '../../api';

/** A bar with the number of finished code cells, steps of a pipeline or points of a sweep, out of all. */
export function RunProgress(props: {
  run: Pick<RunSummary, 'kind' | 'progress'>;
  trans: TranslationBundle;
}): JSX.Element {
  const { trans } = props;
  const { kind, progress } = props.run;
  const { done, total } = progress;
  const label = !total
    ? kind === 'notebook' || kind === 'pipeline'
      ? trans.__('Preparing')
      : ''
    : kind === 'pipeline'
      ? trans.__('%1 of %2 steps', done, total)
      : kind === 'sweep'
        ? trans.__('%1 of %2 points', done, total)
        : trans.__('%1 of %2 cells', done, total);
  return (
    <span className="dl-Progress">
      <progress
        aria-label={trans.__('Progress')}
        // Without a value the bar moves to show that work goes on.
        value={progress.total ? progress.done : undefined}
        max={progress.total || 1}
      />
      <span className="dl-Progress-text">{label}</span>
    </span>
  );
}
