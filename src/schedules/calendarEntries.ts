import { TranslationBundle } from '@jupyterlab/translation';
import { LabIcon } from '@jupyterlab/ui-components';

import type { Schedule, Tick, TickSpan } from '../api';
import {
  cancelledIcon,
  failedIcon,
  queuedIcon,
  runningStateIcon,
  scheduleIcon,
  skippedIcon,
  succeededIcon,
  unknownIcon
} from '../shared/icons';
import type { Tone } from '../shared/phases';
import { dayOf, keyOf } from './calendarDays';

export type EntryState =
  | 'succeeded'
  | 'failed'
  | 'cancelled'
  | 'running'
  | 'waiting'
  | 'late'
  | 'missed'
  | 'refused'
  | 'skipped'
  | 'orphaned'
  | 'coming';

export const ENTRY_STATES: {
  [state in EntryState]: { icon: LabIcon; tone: Tone };
} = {
  succeeded: { icon: succeededIcon, tone: 'good' },
  failed: { icon: failedIcon, tone: 'bad' },
  cancelled: { icon: cancelledIcon, tone: 'neutral' },
  running: { icon: runningStateIcon, tone: 'busy' },
  waiting: { icon: queuedIcon, tone: 'waiting' },
  late: { icon: unknownIcon, tone: 'bad' },
  missed: { icon: unknownIcon, tone: 'bad' },
  refused: { icon: failedIcon, tone: 'bad' },
  skipped: { icon: skippedIcon, tone: 'neutral' },
  orphaned: { icon: failedIcon, tone: 'bad' },
  coming: { icon: scheduleIcon, tone: 'waiting' }
};

/** The states that wait for somebody: nothing ran, or not as it should have. */
export const TROUBLED: readonly EntryState[] = [
  'failed',
  'late',
  'missed',
  'refused',
  'orphaned'
];

/** A start of a schedule, or several of one day that have one state. Times are milliseconds. */
export type Entry = {
  id: string;
  at: number;
  /** The last of them; `at` for a single one. */
  until: number;
  count: number;
  state: EntryState;
  scheduleId: string;
  name: string;
  job: string;
  environment: string;
  preset: string;
  reason: string;
  /** The record to open; null: the page of the schedule tells more. */
  runId: string | null;
};

export type EntryFilter = {
  environment: string;
  job: string;
  /** A state; `trouble` for all that wait for somebody; empty for all. */
  state: string;
};

/** Return the starts of a span by time. */
export function entriesOf(
  span: TickSpan,
  schedules: readonly Schedule[],
  now: number
): Entry[] {
  const known = new Map(schedules.map(schedule => [schedule.id, schedule]));
  const about = (id: string, name?: string) => {
    const schedule = known.get(id);
    return {
      scheduleId: id,
      name: schedule?.name ?? name ?? id,
      job: schedule?.job_name ?? '',
      environment: schedule?.environment ?? ''
    };
  };
  const decided = span.decided.map((tick): Entry => {
    const at = Date.parse(tick.nominal);
    return {
      ...about(tick.schedule_id),
      id: tick.id,
      at,
      until: tick.until === null ? at : Date.parse(tick.until),
      count: tick.count,
      state: stateOfTick(tick, span.run_states, now),
      preset: tick.preset,
      reason: tick.reason?.message ?? '',
      runId: tick.run_id
    };
  });
  const coming = span.coming.map((tick): Entry => {
    const at = Date.parse(tick.at);
    const orphaned = known.get(tick.schedule_id)?.orphaned ?? null;
    return {
      ...about(tick.schedule_id, tick.schedule_name),
      id: `${tick.schedule_id} ${tick.at}`,
      at,
      until: at,
      count: 1,
      state: tick.skipped
        ? 'skipped'
        : orphaned === null
          ? 'coming'
          : 'orphaned',
      preset: '',
      reason: orphaned ?? tick.holiday ?? '',
      runId: null
    };
  });
  return [...decided, ...coming].sort((a, b) => a.at - b.at);
}

function stateOfTick(
  tick: Tick,
  runStates: TickSpan['run_states'],
  now: number
): EntryState {
  if (tick.state === 'missed' || tick.state === 'refused') {
    return tick.state;
  }
  if (tick.state === 'skipped') {
    return 'skipped';
  }
  const isLate = tick.due_at !== null && Date.parse(tick.due_at) < now;
  const run = tick.run_id === null ? undefined : runStates[tick.run_id];
  switch (run) {
    case 'succeeded':
      return 'succeeded';
    case 'cancelled':
      return 'cancelled';
    case 'queued':
      return isLate ? 'late' : 'waiting';
    case 'active':
      return isLate ? 'late' : 'running';
    case undefined:
      // A run that was deleted has left its tick; a tick that waits has no run yet.
      return tick.state === 'ran' ? 'cancelled' : isLate ? 'late' : 'waiting';
    default:
      return 'failed';
  }
}

export function passes(entry: Entry, filter: EntryFilter): boolean {
  return (
    (!filter.environment || entry.environment === filter.environment) &&
    (!filter.job || entry.job === filter.job) &&
    (!filter.state ||
      (filter.state === 'trouble'
        ? TROUBLED.includes(entry.state)
        : entry.state === filter.state))
  );
}

/** Return the entries by the key of their day. More than `most` of a schedule with one state become one. */
export function byDay(
  entries: readonly Entry[],
  most: number
): Map<string, Entry[]> {
  const days = new Map<string, Map<string, Entry[]>>();
  for (const entry of entries) {
    const day = keyOf(dayOf(entry.at));
    const groups = days.get(day) ?? new Map<string, Entry[]>();
    days.set(day, groups);
    const group = `${entry.scheduleId} ${entry.state}`;
    groups.set(group, [...(groups.get(group) ?? []), entry]);
  }
  return new Map(
    [...days].map(([day, groups]) => [
      day,
      [...groups.values()]
        .flatMap(group => (group.length > most ? [joined(group)] : group))
        .sort((a, b) => a.at - b.at)
    ])
  );
}

function joined(group: Entry[]): Entry {
  const [first] = group;
  return {
    ...first,
    id: `${first.id} …`,
    until: Math.max(...group.map(entry => entry.until)),
    count: group.reduce((sum, entry) => sum + entry.count, 0),
    preset: '',
    runId: null
  };
}

export function labelOfEntry(
  state: EntryState,
  trans: TranslationBundle
): string {
  return {
    succeeded: trans.__('Succeeded'),
    failed: trans.__('Failed'),
    cancelled: trans.__('Cancelled'),
    running: trans.__('Running'),
    waiting: trans.__('Waiting'),
    late: trans.__('Late'),
    missed: trans.__('Missed'),
    refused: trans.__('Refused'),
    skipped: trans.__('Skipped'),
    orphaned: trans.__('Orphaned'),
    coming: trans.__('Coming')
  }[state];
}
