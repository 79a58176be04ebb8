import { TranslationBundle } from '@jupyterlab/translation';

import type { Parameters, Recipient, Schedule, ScheduleSettings } from '../api';
import { readRecipients, textOfRecipients } from './recipients';
import { draftOfRule, FIRST_RULE, readRule, RuleDraft } from './rule';
import { instantOf, localOf, ownZone } from './zones';

export type PresetDraft = {
  name: string;
  parameters: string;
  /** The recipients of this preset alone, with commas between. */
  tell: string;
  recipients: Recipient[];
};

/** The texts of the fields of a schedule, besides those of its parameters. */
export type ScheduleDraft = {
  name: string;
  rule: RuleDraft;
  timezone: string;
  starts: string;
  ends: string;
  /** In minutes. */
  jitter: string;
  calendar: string;
  onHoliday: ScheduleSettings['on_holiday'];
  overlap: ScheduleSettings['overlap'];
  misfire: ScheduleSettings['misfire'];
  /** In hours. */
  catchup: string;
  pauseAfter: string;
  dueKind: '' | 'at' | 'within';
  dueAt: string;
  /** In minutes. */
  dueWithin: string;
  sendWhen: ScheduleSettings['send']['when'];
  /** Names of values, with commas between. */
  sendValues: string;
  sendCondition: string;
  presets: PresetDraft[];
  recipients: Recipient[];
};

export type DraftReading =
  | { settings: Omit<ScheduleSettings, 'parameters' | 'dates'> }
  | { problems: { [field: string]: string } };

export function firstDraft(): ScheduleDraft {
  return {
    name: '',
    rule: FIRST_RULE,
    timezone: ownZone(),
    starts: '',
    ends: '',
    jitter: '',
    calendar: '',
    onHoliday: 'run',
    overlap: 'skip',
    misfire: 'latest',
    catchup: '24',
    pauseAfter: '',
    dueKind: '',
    dueAt: '09:00',
    dueWithin: '45',
    sendWhen: 'always',
    sendValues: '',
    sendCondition: '',
    presets: [],
    recipients: []
  };
}

export function draftOfSchedule(schedule: Schedule): ScheduleDraft {
  const { timezone, due, send } = schedule;
  const local = (instant: string | null) =>
    instant === null ? '' : localOf(instant, timezone);
  return {
    name: schedule.name,
    rule: draftOfRule(schedule.rule, timezone),
    timezone,
    starts: local(schedule.starts_at),
    ends: local(schedule.ends_at),
    jitter: schedule.jitter_s ? String(schedule.jitter_s / 60) : '',
    calendar: schedule.calendar ?? '',
    onHoliday: schedule.on_holiday,
    overlap: schedule.overlap,
    misfire: schedule.misfire,
    catchup: String(schedule.catchup_window_s / 3600),
    pauseAfter: String(schedule.pause_on_failure ?? ''),
    dueKind: due === null ? '' : due.at !== null ? 'at' : 'within',
    dueAt: due?.at?.slice(0, 5) ?? '09:00',
    dueWithin: due?.within_s ? String(due.within_s / 60) : '45',
    sendWhen: send.when,
    sendValues: send.values.join(', '),
    sendCondition: send.condition,
    presets: schedule.presets.map(({ name, parameters, recipients }) => ({
      name,
      parameters: JSON.stringify(parameters),
      tell: textOfRecipients(recipients ?? []),
      recipients: recipients ?? []
    })),
    recipients: schedule.recipients ?? []
  };
}

/** Read all fields, or say which are wrong. */
export function readSchedule(
  draft: ScheduleDraft,
  trans: TranslationBundle
): DraftReading {
  const problems: { [field: string]: string } = {};
  const reading = readRule(draft.rule, draft.timezone, trans);
  if ('problems' in reading) {
    Object.assign(problems, reading.problems);
  }
  const number = (field: 'jitter' | 'catchup' | 'pauseAfter' | 'dueWithin') => {
    const value = Number(draft[field]);
    if (!(value >= 0)) {
      problems[field] = trans.__('Needs a number.');
    }
    return value;
  };
  const moment = (field: 'starts' | 'ends') => {
    const text = draft[field];
    const instant = text ? instantOf(text, draft.timezone) : null;
    if (text && instant === null) {
      problems[field] = trans.__('Choose a date and a time.');
    }
    return instant;
  };
  const isChanged = draft.sendWhen === 'changed';
  const values = draft.sendValues.split(/[\s,]+/).filter(Boolean);
  if (isChanged && !values.length) {
    problems.sendValues = trans.__('Name at least one value.');
  }
  const isConditional = draft.sendWhen === 'condition';
  if (isConditional && !draft.sendCondition.trim()) {
    problems.sendCondition = trans.__('Needs a condition.');
  }
  const settings = {
    timezone: draft.timezone,
    starts_at: moment('starts'),
    ends_at: moment('ends'),
    jitter_s: number('jitter') * 60,
    calendar: draft.calendar || null,
    on_holiday: draft.calendar ? draft.onHoliday : ('run' as const),
    overlap: draft.overlap,
    misfire: draft.misfire,
    catchup_window_s: number('catchup') * 3600,
    pause_on_failure: draft.pauseAfter ? number('pauseAfter') : null,
    due:
      draft.dueKind === 'at'
        ? { at: draft.dueAt, within_s: null }
        : draft.dueKind === 'within'
          ? { at: null, within_s: number('dueWithin') * 60 }
          : null,
    recipients: draft.recipients.map(({ to, on }) => {
      if (!to.trim() || !on?.length) {
        problems.recipients = trans.__(
          'A recipient needs a name or an address, and something to be told of.'
        );
      }
      return { to: to.trim(), on };
    }),
    send: {
      when: draft.sendWhen,
      values: isChanged ? values : [],
      condition: isConditional ? draft.sendCondition.trim() : ''
    },
    presets: draft.presets.map((preset, index) => {
      const { name, parameters, tell, recipients } = preset;
      const given = mappingOf(parameters);
      if (given === null || !name.trim()) {
        problems[`preset-${index}`] = trans.__(
          'A preset needs a name, and a mapping in JSON such as {"region": "south"}.'
        );
      }
      return {
        name: name.trim(),
        parameters: given ?? {},
        recipients: readRecipients(tell, recipients)
      };
    })
  };
  return 'rule' in reading && !Object.keys(problems).length
    ? { settings: { ...settings, rule: reading.rule } }
    : { problems };
}

function mappingOf(text: string): Parameters | null {
  try {
    const value: unknown = JSON.parse(text || '{}');
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Parameters)
      : null;
  } catch {
    return null;
  }
}
