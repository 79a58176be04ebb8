import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { RunSummary } from '../../api';
import { labelOf, labelOfSuccess, phaseAppearance } from '../phases';

/** The state of a run as text, icon and colour; never as colour alone. */
export function StateLabel(props: {
  run: RunSummary;
  trans: TranslationBundle;
}): JSX.Element {
  const { run, trans } = props;
  const label =
    run.phase === 'succeeded' ? labelOfSuccess(run, trans) : undefined;
  return (
    <PhaseLabel
      phase={run.phase}
      state={run.state}
      label={label}
      trans={trans}
    />
  );
}

/** The same label for other things that have a phase like runs. */
export function PhaseLabel(props: {
  phase: string;
  state?: string;
  /** A text instead of the phase's own word. */
  label?: string;
  trans: TranslationBundle;
}): JSX.Element {
  const { phase, trans } = props;
  const { icon: Icon, tone } = phaseAppearance(phase);
  return (
    <span
      className="dl-State"
      data-state={props.state ?? phase}
      data-phase={phase}
      data-tone={tone}
    >
      <Icon.react tag="span" className="dl-State-icon" />
      <span className="dl-State-text">
        {props.label ?? labelOf(phase, trans)}
      </span>
    </span>
  );
}
