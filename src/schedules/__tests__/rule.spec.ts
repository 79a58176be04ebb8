import { nullTranslator } from '@jupyterlab/translation';

import type { ScheduleRule } from '../../api';
import { cronOf, draftOfRule, FIRST_RULE, readRule, RuleDraft } from '../rule';
import { makeWords } from '../words';
import { instantOf, localOf } from '../zones';

const trans = nullTranslator.load('dataops_lab');
const PARIS = 'Europe/Paris';

const ruleOf = (change: Partial<RuleDraft>, timezone = PARIS) =>
  readRule({ ...FIRST_RULE, ...change }, timezone, trans);

describe('the fields of a rule', () => {
  it.each([
    [{ often: 'hour', minute: '5' }, '5 * * * *'],
    [{ often: 'day', at: '08:00' }, '0 8 * * *'],
    [{ often: 'weekdays', at: '17:30' }, '30 17 * * 1-5'],
    [{ often: 'week', at: '00:05', weekday: '0' }, '5 0 * * 0'],
    [{ often: 'month', at: '08:00', day: 'L' }, '0 8 L * *']
  ] as [Partial<RuleDraft>, string][])(
    'are %j as the expression %s, and come back from it',
    (change, expression) => {
      const draft = { ...FIRST_RULE, ...change };
      expect(cronOf(draft)).toBe(expression);
      const back = draftOfRule({ kind: 'cron', expression }, PARIS);
      expect(back).toMatchObject(change);
    }
  );

  it.each([
    '*/5 * * * *',
    '0 8 * 1 *',
    '0 8 1 * 1',
    '0 8,9 * * *',
    '0 8 * * 1#1'
  ])('leave the expression %s as it is', expression => {
    const draft = draftOfRule({ kind: 'cron', expression }, PARIS);
    expect(draft).toMatchObject({ often: 'cron', expression });
    expect(readRule(draft, PARIS, trans)).toEqual({
      rule: { kind: 'cron', expression }
    });
  });

  it.each([
    { kind: 'interval', every_s: 5400, phase_s: 0 },
    { kind: 'once', at: '2026-07-01T06:00:00.000Z' },
    { kind: 'business_day', number: -1, at: '09:00' },
    { kind: 'after_job', job_id: 'j1', on: 'any' },
    {
      kind: 'files',
      folder: '/in',
      pattern: '*.csv',
      quiet_s: 60,
      parameter: 'names'
    },
    {
      kind: 'webhook',
      signature: 'github',
      parameters: { order: '/order/id' }
    }
  ] as ScheduleRule[])('hold the rule %j', rule => {
    expect(readRule(draftOfRule(rule, PARIS), PARIS, trans)).toEqual({ rule });
  });

  it('say which place in a request is none', () => {
    const reading = ruleOf({
      often: 'webhook',
      pointers: { order: 'order.id', day: '/day', note: '' }
    });
    expect(reading).toEqual({
      problems: { 'pointer-order': 'Needs a place such as /order/id.' }
    });
  });

  it.each([
    [{ often: 'day', at: '' }, 'at'],
    [{ often: 'hour', minute: '60' }, 'minute'],
    [{ often: 'interval', every: '0' }, 'every'],
    [{ often: 'once', moment: '' }, 'moment'],
    [{ often: 'after_job' }, 'job'],
    [{ often: 'files', folder: 'data' }, 'folder'],
    [{ often: 'cron', expression: ' ' }, 'expression']
  ] as [Partial<RuleDraft>, string][])(
    'say of %j that %s is wrong',
    (change, field) => {
      expect(ruleOf(change)).toHaveProperty(['problems', field]);
    }
  );
});

describe('a time of a zone', () => {
  it.each([
    ['2026-01-31T08:00', PARIS, '2026-01-31T07:00:00.000Z'],
    ['2026-07-31T08:00', PARIS, '2026-07-31T06:00:00.000Z'],
    ['2026-03-29T03:00', PARIS, '2026-03-29T01:00:00.000Z'],
    ['2026-03-29T01:59', PARIS, '2026-03-29T00:59:00.000Z'],
    ['2026-11-01T23:30', 'America/New_York', '2026-11-02T04:30:00.000Z'],
    ['2026-06-01T00:00', 'Asia/Kathmandu', '2026-05-31T18:15:00.000Z']
  ])('%s of %s is %s, and back', (local, zone, instant) => {
    expect(instantOf(local, zone)).toBe(instant);
    expect(localOf(instant, zone)).toBe(local);
  });

  it('is none in a zone that does not exist, and for half a text', () => {
    expect(instantOf('2026-01-31T08:00', 'Europe/Atlantis')).toBeNull();
    expect(instantOf('2026-01', 'x')).toBeNull();
  });
});

describe('the words of a rule', () => {
  const monday: ScheduleRule = { kind: 'cron', expression: '0 8 * * 1' };

  it('are in the language of Lab, with the time zone', () => {
    expect(makeWords('en', trans)(monday, PARIS)).toBe(
      'At 08:00, only on Monday, Europe/Paris'
    );
    const daily: ScheduleRule = { kind: 'cron', expression: '0 8 * * *' };
    expect(makeWords('en', trans)(daily, 'UTC')).toBe(
      'At 08:00, every day, UTC'
    );
    expect(makeWords('fr_FR', trans)(monday, PARIS)).toBe(
      'À 08:00, uniquement le lundi, Europe/Paris'
    );
  });

  it('are the expression itself when it cannot be read', () => {
    const rule: ScheduleRule = { kind: 'cron', expression: 'no cron' };
    expect(makeWords('en', trans)(rule, 'UTC')).toBe('no cron, UTC');
  });
});
