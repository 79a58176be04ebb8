import { nullTranslator } from '@jupyterlab/translation';
import { render, screen } from '@testing-library/react';
import React from 'react';

import { Timeline } from '../components/Timeline';
import { forecastOf, remainingSeconds, ticksOf } from '../forecast';
import { reason, step } from './fixtures';

const NOW = Date.parse('2026-01-31T08:01:00Z');
const trans = nullTranslator.load('dataops_lab');

const DONE = step('a', {
  state: 'succeeded',
  run_id: 'ra',
  started_at: '2026-01-31T08:00:00Z',
  run_started_at: '2026-01-31T08:00:10Z',
  finished_at: '2026-01-31T08:00:40Z'
});
const WORKS = step('b', {
  state: 'running',
  needs: ['a'],
  run_id: 'rb',
  started_at: '2026-01-31T08:00:40Z',
  run_started_at: '2026-01-31T08:00:50Z',
  expected_s: 30
});
const WAITS = step('c', { needs: ['b'], expected_s: 100 });

describe('forecastOf', () => {
  it('adds the expected durations along the way', () => {
    const found = forecastOf([DONE, WORKS, WAITS], NOW);
    expect([...found.keys()]).toEqual(['b', 'c']);
    expect((found.get('b')!.end - NOW) / 1000).toBe(20);
    expect((found.get('c')!.start - NOW) / 1000).toBe(20);
    expect(remainingSeconds([DONE, WORKS, WAITS], NOW)).toBe(120);
  });

  it('expects a step that takes longer than before to end now', () => {
    expect(remainingSeconds([{ ...WORKS, expected_s: 1 }], NOW)).toBe(0);
  });

  it('says nothing about what follows a step that nobody knows', () => {
    const unknown = { ...WORKS, expected_s: null };
    expect([...forecastOf([DONE, unknown, WAITS], NOW).keys()]).toEqual([]);
    expect(remainingSeconds([DONE, unknown, WAITS], NOW)).toBe(null);
    expect(remainingSeconds([DONE], NOW)).toBe(null);
  });

  it('counts no time for people, and ends in spite of a circle', () => {
    const ask = step('ok', { kind: 'approval', needs: ['b'] });
    const after = { ...WAITS, needs: ['ok'] };
    expect(remainingSeconds([DONE, WORKS, ask, after], NOW)).toBe(120);
    const circle = [step('x', { needs: ['y'] }), step('y', { needs: ['x'] })];
    expect(forecastOf(circle, NOW).size).toBe(0);
  });
});

describe('ticksOf', () => {
  it('has few marks at round times', () => {
    expect(ticksOf(4)).toEqual([0, 1, 2, 3, 4]);
    expect(ticksOf(130)).toEqual([0, 30, 60, 90, 120]);
    expect(ticksOf(7 * 86400).length).toBeLessThan(9);
    expect(ticksOf(400 * 86400).length).toBeLessThan(9);
  });
});

describe('Timeline', () => {
  it('shows the time in the queue lighter, and says both as text', () => {
    const fanOut = step('d', {
      state: 'succeeded',
      started_at: '2026-01-31T08:00:40Z',
      finished_at: '2026-01-31T08:00:50Z',
      items: { total: 4, succeeded: 3, failed: 1, active: 0, waiting: 0 }
    });
    const { container } = render(
      <Timeline
        steps={[
          DONE,
          fanOut,
          step('e', { state: 'skipped', reason: reason('No.') })
        ]}
        startedAt="2026-01-31T08:00:00Z"
        finishedAt="2026-01-31T08:00:50Z"
        onOpen={() => undefined}
        trans={trans}
      />
    );
    const bars = (id: string) =>
      [...container.querySelectorAll(`[data-step=${id}] [data-kind]`)].map(
        bar => [
          bar.getAttribute('data-kind'),
          (bar as HTMLElement).style.left,
          (bar as HTMLElement).style.width
        ]
      );
    expect(bars('a')).toEqual([
      ['queue', '0%', '20%'],
      ['work', '20%', '60%']
    ]);
    expect(bars('d')).toEqual([['work', '80%', '20%']]);
    expect(bars('e')).toEqual([]);
    const row = (name: string) => screen.getByRole('row', { name }).textContent;
    expect(
      row('Notebook a Succeeded, in the queue for 10 s, worked for 30 s')
    ).toContain('worked for 30 s');
    expect(container.querySelector('[data-step=d]')!.textContent).toContain(
      '4 of 4, 1 failed'
    );
    expect(container.querySelector('[data-step=e]')!.textContent).toContain(
      'Skipped'
    );
  });
});
