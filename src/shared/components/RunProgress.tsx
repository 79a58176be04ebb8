import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Progress } from '../../api';

/** A bar with the number of finished code cells out of all. */
export function RunProgress(props: {
  progress: Progress;
  trans: TranslationBundle;
}): JSX.Element {
  const { progress, trans } = props;
  const label = progress.total
    ? trans.__('%1 of %2 cells', progress.done, progress.total)
    : trans.__('Preparing');
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
