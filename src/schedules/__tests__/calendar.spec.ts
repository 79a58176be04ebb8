import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';

import { Client, Schedule, Tick, TickSpan } from '../../api';
import {
  addDays,
  addMonths,
  clockChange,
  dayOf,
  daysOf,
  keyOf
} from '../calendarDays';
import {
  byDay,
  entriesOf,
  Entry,
  labelOfEntry,
  passes
} from '../calendarEntries';
import { CalendarModel } from '../calendarModel';

const trans = nullTranslator.load('dataops_lab');
const NOW = Date.parse('2026-06-10T12:00:00Z');

const SCHEDULE = {
  id: 's1',
  name: 'sales',
  job_name: 'sales',
  environment: 'sandbox',
  orphaned: null
} as unknown as Schedule;

const TICK = {
  id: 't1',
  schedule_id: 's1',
  nominal: '2026-06-10T08:00:00Z',
  preset: '',
  state: 'ran',
  reason: null,
  run_id: 'r1',
  until: null,
  count: 1,
  due_at: null
} as unknown as Tick;

function span(change: Partial<TickSpan>): TickSpan {
  return {
    decided: [],
    coming: [],
    run_states: {},
    is_complete: true,
    ...change
  };
}

describe('the days of a view', () => {
  it('are whole weeks from Monday on, with all days of the month', () => {
    const days = daysOf('month', new Date(2026, 5, 10));
    expect(days.length % 7).toBe(0);
    expect(days[0].getDay()).toBe(1);
    const keys = days.map(keyOf);
    expect(keys).toContain('2026-06-01');
    expect(keys).toContain('2026-06-30');
    expect(daysOf('week', new Date(2026, 5, 10)).map(keyOf)).toEqual([
      '2026-06-08',
      '2026-06-09',
      '2026-06-10',
      '2026-06-11',
      '2026-06-12',
      '2026-06-13',
      '2026-06-14'
    ]);
  });

  it('are all days of two years, each once, wherever the clocks are set', () => {
    let day = new Date(2026, 0, 1);
    const seen = new Set<string>();
    for (let number = 0; number < 730; number++) {
      seen.add(keyOf(day));
      expect(day.getHours()).toBe(0);
      const next = addDays(day, 1);
      expect(next.getTime() - day.getTime()).toBe(
        (24 - clockChange(day)) * 3_600_000
      );
      day = next;
    }
    expect(seen.size).toBe(730);
  });

  it('end with the month, and not after it, when a month is shorter', () => {
    expect(keyOf(addMonths(new Date(2026, 0, 31), 1))).toBe('2026-02-28');
    expect(keyOf(addMonths(new Date(2026, 0, 31), -1))).toBe('2025-12-31');
  });
});

describe('the entries of a span', () => {
  const stateOf = (tick: Partial<Tick>, run?: string) =>
    entriesOf(
      span({
        decided: [{ ...TICK, ...tick }],
        run_states: run ? { r1: run as never } : {}
      }),
      [SCHEDULE],
      NOW
    )[0].state;

  it.each([
    [{}, 'succeeded', 'succeeded'],
    [{}, 'failed', 'failed'],
    [{}, 'timed_out', 'failed'],
    [{}, 'lost', 'failed'],
    [{}, 'active', 'running'],
    [{ due_at: '2026-06-10T09:00:00Z' }, 'active', 'late'],
    [{ due_at: '2026-06-10T09:00:00Z' }, 'succeeded', 'succeeded'],
    [{ due_at: '2026-06-10T13:00:00Z' }, 'queued', 'waiting'],
    [{ state: 'missed', run_id: null }, undefined, 'missed'],
    [{ state: 'refused', run_id: null }, undefined, 'refused'],
    [{ state: 'skipped', run_id: null }, undefined, 'skipped'],
    [
      { state: 'waiting', run_id: null, due_at: '2026-06-10T09:00:00Z' },
      undefined,
      'late'
    ]
  ] as [Partial<Tick>, string | undefined, string][])(
    'say what became of %j with the run %s',
    (tick, run, state) => {
      expect(stateOf(tick, run)).toBe(state);
    }
  );

  it('say of coming starts whether their schedule has lost its owner', () => {
    const coming = {
      at: '2026-06-11T08:00:00Z',
      local: '',
      holiday: null,
      skipped: false,
      schedule_id: 's1',
      schedule_name: 'sales'
    };
    const found = (orphaned: string | null) =>
      entriesOf(
        span({ coming: [coming] }),
        [{ ...SCHEDULE, orphaned }],
        NOW
      )[0];
    expect(found(null).state).toBe('coming');
    expect(found('ann may not run there').state).toBe('orphaned');
    expect(found('ann may not run there').reason).toBe('ann may not run there');
  });

  it('become one line when a schedule starts often on a day', () => {
    const often = Array.from({ length: 24 }, (_, hour) => ({
      ...TICK,
      id: `t${hour}`,
      nominal: new Date(2026, 5, 10, hour).toISOString()
    }));
    const entries = entriesOf(
      span({ decided: often, run_states: { r1: 'succeeded' } }),
      [SCHEDULE],
      NOW
    );
    const [line, ...others] = byDay(entries, 3).get('2026-06-10')!;
    expect(others).toEqual([]);
    expect([line.count, line.runId]).toEqual([24, null]);
    expect(new Date(line.until).getHours()).toBe(23);
  });

  it('pass the filters', () => {
    const entry = {
      state: 'missed',
      environment: 'sandbox',
      job: 'a'
    } as Entry;
    const none = { environment: '', job: '', state: '' };
    expect(passes(entry, none)).toBe(true);
    expect(passes(entry, { ...none, state: 'trouble' })).toBe(true);
    expect(passes(entry, { ...none, state: 'failed' })).toBe(false);
    expect(passes(entry, { ...none, environment: 'production' })).toBe(false);
    expect(labelOfEntry('missed', trans)).toBe('Missed');
  });
});

describe('the model of the calendar', () => {
  function model(answer: (query: { first: string }) => Promise<TickSpan>) {
    const schedules = {
      span: jest.fn(answer),
      page: async () => ({ items: [SCHEDULE], next: null })
    };
    const source = {};
    const events = {
      schedule: new Signal<object, never>(source),
      restarted: new Signal<object, void>(source)
    };
    const runs = { runChanged: new Signal<object, never>(source) };
    const made = new CalendarModel(
      { schedules } as unknown as Client,
      events as never,
      runs as never,
      new Date(2026, 5, 10, 15)
    );
    return { made, schedules };
  }

  const until = async (check: () => boolean) => {
    while (!check()) {
      await new Promise(resolve => setTimeout(resolve, 0));
    }
  };

  it('asks for whole days of the browser, and shows the month of the chosen day', async () => {
    const { made, schedules } = model(async () => span({ decided: [TICK] }));
    made.refresh();
    await until(() => made.state.isRead);
    expect(made.state.entries.map(({ name }) => name)).toEqual(['sales']);
    const [{ first }] = schedules.span.mock.calls[0];
    expect(+new Date(first)).toBe(+made.state.days[0]);
    made.choose(dayOf(new Date(2026, 5, 12)));
    expect(schedules.span).toHaveBeenCalledTimes(1);
    made.move(1);
    await until(() => made.state.isRead);
    expect(keyOf(made.state.day)).toBe('2026-07-12');
    expect(schedules.span).toHaveBeenCalledTimes(2);
    made.dispose();
  });

  it('keeps the answer for a month in which another day is chosen meanwhile', async () => {
    const answers: ((found: TickSpan) => void)[] = [];
    const { made } = model(
      () => new Promise(resolve => void answers.push(resolve))
    );
    made.move(1);
    await until(() => answers.length === 1);
    made.choose(new Date(2026, 6, 20));
    answers[0](span({ decided: [TICK] }));
    await until(() => made.state.isRead);
    expect(made.state.entries).toHaveLength(1);
    made.dispose();
  });

  it('drops the answer for a month that is not shown any more', async () => {
    const answers: ((found: TickSpan) => void)[] = [];
    const { made } = model(
      () => new Promise(resolve => void answers.push(resolve))
    );
    made.move(1);
    made.move(1);
    await until(() => answers.length === 2);
    answers[1](span({}));
    await until(() => made.state.isRead);
    answers[0](span({ decided: [TICK] }));
    await new Promise(resolve => setTimeout(resolve, 0));
    expect(made.state.entries).toEqual([]);
    made.dispose();
  });
});
