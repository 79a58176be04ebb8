import { TranslationBundle } from '@jupyterlab/translation';

import type { ScheduleRule } from '../api';
import { instantOf, localOf } from './zones';

export type Often =
  | 'hour'
  | 'day'
  | 'weekdays'
  | 'week'
  | 'month'
  | 'business_day'
  | 'interval'
  | 'once'
  | 'cron'
  | 'after_job'
  | 'files'
  | 'webhook';

/** The texts of the fields that say when a schedule starts. Only those of `often` count. */
export type RuleDraft = {
  often: Often;
  at: string;
  minute: string;
  weekday: string;
  /** A day of the month; `L` for the last. */
  day: string;
  /** The n-th business day; -1 is the last. */
  number: string;
  every: string;
  unit: 's' | 'min' | 'h';
  moment: string;
  expression: string;
  job: string;
  on: 'success' | 'failure' | 'any';
  folder: string;
  pattern: string;
  quiet: string;
  parameter: string;
  signature: 'standard' | 'github';
  /** By parameter the place of its value in a request, as a JSON pointer; none for an empty text. */
  pointers: { [parameter: string]: string };
};

/** The fields that hold one text. */
export type RuleText = Exclude<keyof RuleDraft, 'pointers'>;

export const FIRST_RULE: RuleDraft = {
  often: 'day',
  at: '08:00',
  minute: '0',
  weekday: '1',
  day: '1',
  number: '1',
  every: '15',
  unit: 'min',
  moment: '',
  expression: '0 8 * * *',
  job: '',
  on: 'success',
  folder: '',
  pattern: '*',
  quiet: '30',
  parameter: '',
  signature: 'standard',
  pointers: {}
};

export type RuleReading =
  { rule: ScheduleRule } | { problems: { [field: string]: string } };

const SECONDS = { s: 1, min: 60, h: 3600 };

/** Return the cron expression of a draft; null when cron cannot say it. */
export function cronOf(draft: RuleDraft): string | null {
  const [hour, minute] = draft.at.split(':').map(Number);
  const time = `${minute} ${hour}`;
  switch (draft.often) {
    case 'hour':
      return `${Number(draft.minute)} * * * *`;
    case 'day':
      return `${time} * * *`;
    case 'weekdays':
      return `${time} * * 1-5`;
    case 'week':
      return `${time} * * ${draft.weekday}`;
    case 'month':
      return `${time} ${draft.day} * *`;
    case 'cron':
      return draft.expression.trim();
    default:
      return null;
  }
}

/** Read the rule of a draft, or say which of its fields is wrong. */
export function readRule(
  draft: RuleDraft,
  timezone: string,
  trans: TranslationBundle
): RuleReading {
  const hasTime = ['day', 'weekdays', 'week', 'month', 'business_day'];
  if (hasTime.includes(draft.often) && !/^\d\d:\d\d$/.test(draft.at)) {
    return { problems: { at: trans.__('Needs a time such as 08:00.') } };
  }
  switch (draft.often) {
    case 'business_day':
      return {
        rule: {
          kind: 'business_day',
          number: Number(draft.number),
          at: draft.at
        }
      };
    case 'interval': {
      const every = Number(draft.every);
      return every > 0
        ? {
            rule: {
              kind: 'interval',
              every_s: every * SECONDS[draft.unit],
              phase_s: 0
            }
          }
        : { problems: { every: trans.__('Needs a number above 0.') } };
    }
    case 'once': {
      const at = instantOf(draft.moment, timezone);
      return at
        ? { rule: { kind: 'once', at } }
        : { problems: { moment: trans.__('Choose a date and a time.') } };
    }
    case 'after_job':
      return draft.job
        ? { rule: { kind: 'after_job', job_id: draft.job, on: draft.on } }
        : { problems: { job: trans.__('Choose a job.') } };
    case 'files':
      return draft.folder.startsWith('/')
        ? {
            rule: {
              kind: 'files',
              folder: draft.folder,
              pattern: draft.pattern || '*',
              quiet_s: Number(draft.quiet) || 30,
              parameter: draft.parameter || null
            }
          }
        : {
            problems: {
              folder: trans.__(
                'Needs a whole path of the server, such as /data.'
              )
            }
          };
    case 'webhook':
      return readWebhook(draft, trans);
    case 'hour':
      if (!/^[0-5]?\d$/.test(draft.minute)) {
        return { problems: { minute: trans.__('Needs a number to 59.') } };
      }
  }
  const expression = cronOf(draft)!;
  return expression
    ? { rule: { kind: 'cron', expression } }
    : { problems: { expression: trans.__('Needs five fields.') } };
}

function readWebhook(draft: RuleDraft, trans: TranslationBundle): RuleReading {
  const given = Object.entries(draft.pointers).filter(([, place]) => place);
  const wrong = given.filter(
    ([, place]) => !/^(\/([^~/]|~[01])*)*$/.test(place)
  );
  return wrong.length
    ? {
        problems: Object.fromEntries(
          wrong.map(([name]) => [
            `pointer-${name}`,
            trans.__('Needs a place such as /order/id.')
          ])
        )
      }
    : {
        rule: {
          kind: 'webhook',
          signature: draft.signature,
          parameters: Object.fromEntries(given)
        }
      };
}

/** Return the fields that show a rule: the plain ones where an expression of cron says no more than they do. */
export function draftOfRule(rule: ScheduleRule, timezone: string): RuleDraft {
  switch (rule.kind) {
    case 'cron':
      return draftOfCron(rule.expression);
    case 'business_day':
      return {
        ...FIRST_RULE,
        often: 'business_day',
        number: String(rule.number),
        at: rule.at.slice(0, 5)
      };
    case 'interval': {
      const unit = (['h', 'min', 's'] as const).find(
        name => rule.every_s % SECONDS[name] === 0
      );
      return {
        ...FIRST_RULE,
        often: 'interval',
        unit: unit ?? 's',
        every: String(rule.every_s / SECONDS[unit ?? 's'])
      };
    }
    case 'once':
      return {
        ...FIRST_RULE,
        often: 'once',
        moment: localOf(rule.at, timezone)
      };
    case 'after_job':
      return {
        ...FIRST_RULE,
        often: 'after_job',
        job: rule.job_id,
        on: rule.on
      };
    case 'files':
      return {
        ...FIRST_RULE,
        often: 'files',
        folder: rule.folder,
        pattern: rule.pattern,
        quiet: String(rule.quiet_s),
        parameter: rule.parameter ?? ''
      };
    case 'webhook':
      return {
        ...FIRST_RULE,
        often: 'webhook',
        signature: rule.signature,
        pointers: rule.parameters ?? {}
      };
  }
}

function draftOfCron(expression: string): RuleDraft {
  const [minute, hour, day, month, weekday] = expression.split(/\s+/);
  const draft: RuleDraft = { ...FIRST_RULE, often: 'cron', expression };
  if (!/^\d+$/.test(minute) || month !== '*') {
    return draft;
  }
  if (hour === '*') {
    return day === '*' && weekday === '*'
      ? { ...draft, often: 'hour', minute }
      : draft;
  }
  if (!/^\d+$/.test(hour)) {
    return draft;
  }
  const at = `${hour.padStart(2, '0')}:${minute.padStart(2, '0')}`;
  if (day === '*' && weekday === '*') {
    return { ...draft, often: 'day', at };
  }
  if (day === '*' && weekday === '1-5') {
    return { ...draft, often: 'weekdays', at };
  }
  if (day === '*' && /^[0-7]$/.test(weekday)) {
    return { ...draft, often: 'week', at, weekday: String(+weekday % 7) };
  }
  return weekday === '*' && /^(\d+|L)$/.test(day)
    ? { ...draft, often: 'month', at, day }
    : draft;
}
