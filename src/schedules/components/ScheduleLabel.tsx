import { LabIcon } from '@jupyterlab/ui-components';
import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Schedule, Tick } from '../../api';
import type { Tone } from '../../shared/phases';
import {
  labelOfSchedule,
  labelOfTick,
  SCHEDULE_STATES,
  stateOf,
  TICK_STATES
} from '../states';

/** The state of a schedule as text, icon and colour. */
export function ScheduleLabel(props: {
  schedule: Schedule;
  trans: TranslationBundle;
}): JSX.Element {
  const state = stateOf(props.schedule);
  return (
    <Label
      state={state}
      text={labelOfSchedule(state, props.trans)}
      {...SCHEDULE_STATES[state]}
    />
  );
}

/** The state of a tick as text, icon and colour. */
export function TickLabel(props: {
  tick: Tick;
  trans: TranslationBundle;
}): JSX.Element {
  const { state } = props.tick;
  return (
    <Label
      state={state}
      text={labelOfTick(state, props.trans)}
      {...TICK_STATES[state]}
    />
  );
}

function Label(props: {
  state: string;
  text: string;
  tone: Tone;
  icon: LabIcon;
}): JSX.Element {
  const Icon = props.icon;
  return (
    <span className="dl-State" data-state={props.state} data-tone={props.tone}>
      <Icon.react tag="span" className="dl-State-icon" />
      <span className="dl-State-text">{props.text}</span>
    </span>
  );
}
