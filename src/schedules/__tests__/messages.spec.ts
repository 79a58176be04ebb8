import { Notification } from '@jupyterlab/apputils';
import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';

import type { Message } from '../../api';
import { showMessages, textOf } from '../messages';

const trans = nullTranslator.load('dataops_lab');
const LATE: Message = {
  kind: 'late',
  message: 'm1',
  schedule: { id: 's1', name: 'sales', timezone: 'Europe/Paris' },
  job: { id: 'j1', name: 'sales' },
  owner: 'ann',
  nominal: '2026-03-30T06:00:00+00:00',
  preset: '',
  count: 1,
  run: null,
  reason: null,
  failures: 0
};

describe('showMessages', () => {
  let messages: Signal<object, Message>;
  let told: [string, string | undefined, number][];

  beforeEach(() => {
    messages = new Signal({});
    told = [];
    jest
      .spyOn(Notification, 'emit')
      .mockImplementation(
        (_, type, options) =>
          told.push([
            options?.autoClose === false ? 'stays' : 'goes',
            type,
            options?.actions?.length ?? 0
          ]) as never
      );
    showMessages({
      messages,
      runs: { isMine: ({ created_by }) => created_by.id === 'ann' },
      openRun: () => undefined,
      trans
    });
  });

  it('shows each message of this person once', () => {
    messages.emit(LATE);
    messages.emit(LATE);
    messages.emit({ ...LATE, message: 'm2', owner: 'bob' });
    expect(told).toEqual([['stays', 'warning', 0]]);
  });

  it('shows messages for subscribers, and those of other owners only then', () => {
    messages.emit({ ...LATE, owner: 'bob', people: ['eve', 'ann'] });
    messages.emit({ ...LATE, message: 'm2', people: ['eve'] });
    expect(told).toHaveLength(1);
  });

  it('leaves the ends of runs by hand to the records, but no question', () => {
    const byHand = { ...LATE, schedule: null, nominal: null, by_hand: true };
    messages.emit({ ...byHand, kind: 'failure' });
    messages.emit({ ...byHand, kind: 'approval_wanted', message: 'm2' });
    expect(told).toEqual([['stays', 'info', 0]]);
  });

  it('offers the run of a failure, and lets good news go by themselves', () => {
    messages.emit({ ...LATE, kind: 'failure', run: 'r1' });
    messages.emit({ ...LATE, kind: 'recovery', message: 'm2', run: 'r2' });
    expect(told).toEqual([
      ['stays', 'error', 1],
      ['goes', 'success', 1]
    ]);
  });
});

describe('textOf', () => {
  it('has the time in the zone of the schedule, the preset and the reason', () => {
    const text = textOf(
      {
        ...LATE,
        kind: 'refused',
        preset: 'north',
        reason: { code: 'x', message: 'The folder is gone.' }
      },
      trans
    );
    expect(text).toContain('sales (north)');
    expect(text).toMatch(/8:00|08:00/);
    expect(text).toContain('The folder is gone.');
  });

  it('counts what was missed together', () => {
    expect(textOf({ ...LATE, kind: 'missed', count: 3 }, trans)).toContain(
      'missed 3 starts'
    );
  });

  it('counts the presets of a message and names those that did not succeed', () => {
    const presets = [
      { preset: 'East', state: 'succeeded' },
      { preset: 'North', state: 'failed' }
    ];
    const text = textOf({ ...LATE, kind: 'failure', presets }, trans);
    expect(text).toContain('1 of 2 succeeded. Not: North');
  });

  it('tells of a run without a schedule', () => {
    const run = { ...LATE, schedule: null, nominal: null };
    expect(textOf({ ...run, kind: 'success' }, trans)).toBe('sales succeeded.');
    const step = { id: 'ok', title: 'Publish?' };
    expect(textOf({ ...run, kind: 'approval_wanted', step }, trans)).toBe(
      'sales waits for your decision: Publish?'
    );
  });
});
