import { TranslationBundle } from '@jupyterlab/translation';
import { LabIcon } from '@jupyterlab/ui-components';

import type { Schedule, Tick } from '../api';
import {
  disabledIcon,
  failedIcon,
  queuedIcon,
  scheduleIcon,
  skippedIcon,
  succeededIcon,
  unknownIcon
} from '../shared/icons';
import { formatAbout } from '../shared/format';
import type { Tone } from '../shared/phases';

export type ScheduleState =
  'orphaned' | 'refused' | 'late' | 'foreseen' | 'paused' | 'ended' | 'active';

type Shown = { icon: LabIcon; tone: Tone };

export const SCHEDULE_STATES: { [state in ScheduleState]: Shown } = {
  orphaned: { icon: failedIcon, tone: 'bad' },
  refused: { icon: failedIcon, tone: 'bad' },
  late: { icon: unknownIcon, tone: 'bad' },
  foreseen: { icon: queuedIcon, tone: 'bad' },
  paused: { icon: disabledIcon, tone: 'neutral' },
  ended: { icon: skippedIcon, tone: 'neutral' },
  active: { icon: scheduleIcon, tone: 'good' }
};

export const TICK_STATES: { [state in Tick['state']]: Shown } = {
  ran: { icon: succeededIcon, tone: 'good' },
  waiting: { icon: queuedIcon, tone: 'waiting' },
  ready: { icon: queuedIcon, tone: 'waiting' },
  skipped: { icon: skippedIcon, tone: 'neutral' },
  missed: { icon: unknownIcon, tone: 'bad' },
  refused: { icon: failedIcon, tone: 'bad' }
};

/** Return the state of a schedule: the one that a person should know first. */
export function stateOf(schedule: Schedule, now = Date.now()): ScheduleState {
  const { last_tick: tick, last_run: run, rule } = schedule;
  if (schedule.orphaned !== null) {
    return 'orphaned';
  }
  if (schedule.pause !== null) {
    return 'paused';
  }
  if (schedule.refusal !== null) {
    return 'refused';
  }
  const due = tick?.due_at ?? null;
  if (due !== null && Date.parse(due) < now && run?.state !== 'succeeded') {
    return 'late';
  }
  if (schedule.foreseen_late_s !== null) {
    return 'foreseen';
  }
  const waits = ['after_job', 'files', 'webhook'].includes(rule.kind);
  return schedule.next_at === null && !waits ? 'ended' : 'active';
}

/** Tell whether a schedule waits for somebody to do something. */
export function needsSomebody(schedule: Schedule): boolean {
  return ['orphaned', 'refused', 'late', 'foreseen'].includes(
    stateOf(schedule)
  );
}

/** Say by how much a start will be late, as far as anybody can tell before. */
export function foreseenWords(
  seconds: number,
  trans: TranslationBundle
): string {
  return trans.__('It will be late by about %1.', formatAbout(seconds));
}

export function labelOfSchedule(
  state: ScheduleState,
  trans: TranslationBundle
): string {
  return {
    orphaned: trans.__('Orphaned'),
    refused: trans.__('Cannot start'),
    late: trans.__('Late'),
    foreseen: trans.__('Will be late'),
    paused: trans.__('Paused'),
    ended: trans.__('Ended'),
    active: trans.__('Active')
  }[state];
}

export function labelOfTick(
  state: Tick['state'],
  trans: TranslationBundle
): string {
  return {
    ran: trans.__('Ran'),
    waiting: trans.__('Waiting'),
    ready: trans.__('Starts'),
    skipped: trans.__('Skipped'),
    missed: trans.__('Missed'),
    refused: trans.__('Refused')
  }[state];
}
