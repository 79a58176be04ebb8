import { nullTranslator } from '@jupyterlab/translation';

import type { Schedule } from '../../api';
import { foreseenWords, needsSomebody, stateOf } from '../states';

const trans = nullTranslator.load('dataops_lab');
const NOW = Date.parse('2026-03-30T06:00:00Z');

const schedule = (change: Partial<Schedule> = {}) =>
  ({
    rule: { kind: 'webhook', signature: 'standard', parameters: {} },
    orphaned: null,
    pause: null,
    refusal: null,
    last_tick: null,
    last_run: null,
    foreseen_late_s: null,
    next_at: null,
    ...change
  }) as Schedule;

describe('the state of a schedule', () => {
  it('is active while it waits for requests', () => {
    expect(stateOf(schedule(), NOW)).toBe('active');
  });

  it('tells that it will be late, in whole minutes', () => {
    const late = schedule({ foreseen_late_s: 725 });
    expect(stateOf(late, NOW)).toBe('foreseen');
    expect(needsSomebody(late)).toBe(true);
    expect(foreseenWords(725, trans)).toBe('It will be late by about 12 min.');
  });
});
