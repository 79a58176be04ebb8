import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Run } from '../../api';
import { labelOf, lookOf } from '../phases';

/** Text, icon and colour; never colour alone. */
export function StateLabel(props: {
  run: Run;
  trans: TranslationBundle;
}): JSX.Element {
  const { run, trans } = props;
  const { icon: Icon, tone } = lookOf(run.phase);
  const label =
    run.nothing_to_do && run.phase === 'succeeded'
      ? trans.__('Nothing to do')
      : labelOf(run.phase, trans);
  return (
    <span
      className="dl-State"
      data-state={run.state}
      data-phase={run.phase}
      data-tone={tone}
    >
      <Icon.react tag="span" className="dl-State-icon" />
      <span className="dl-State-text">{label}</span>
    </span>
  );
}
