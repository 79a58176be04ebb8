import { nullTranslator } from '@jupyterlab/translation';

import { barOf, labelOfItems, labelOfStep } from '../steps';
import { step, STEPS } from './fixtures';

const trans = nullTranslator.load('dataops_lab');
const AT = (second: number) =>
  new Date(Date.UTC(2026, 0, 31, 8, 0, second)).toISOString();
const START = Date.parse(AT(0));
const END = Date.parse(AT(40));

describe('labelOfStep', () => {
  it.each([
    [{}, 'Succeeded'],
    [{ with_failures: true }, 'Succeeded, with failures'],
    [{ nothing_to_do: true }, 'Nothing to do'],
    [{ approval: STEPS[3].approval }, 'Approved']
  ])('says how a step succeeded: %j', (change, label) => {
    expect(
      labelOfStep(step('a', { state: 'succeeded', ...change }), trans)
    ).toBe(label);
  });

  it('names a state of a newer server as it is', () => {
    expect(labelOfStep(step('a', { state: 'paused' as never }), trans)).toBe(
      'paused'
    );
  });
});

describe('labelOfItems', () => {
  it('counts the items that have ended, and those that failed', () => {
    expect(labelOfItems(STEPS[2], trans)).toBe('12 of 40, 1 failed');
    expect(labelOfItems(STEPS[0], trans)).toBe('');
  });
});

describe('barOf', () => {
  it('places a step between the start and the end of its run', () => {
    const timed = step('a', { started_at: AT(10), finished_at: AT(30) });
    expect(barOf(timed, START, END)).toEqual({ start: 25, length: 50 });
  });

  it('lets a step that still works reach to the end', () => {
    const timed = step('a', { started_at: AT(30) });
    expect(barOf(timed, START, END)).toEqual({ start: 75, length: 25 });
  });

  it('keeps the shortest step visible, also at the very end', () => {
    const timed = step('a', { started_at: AT(40), finished_at: AT(40) });
    const { start, length } = barOf(timed, START, END)!;
    expect(length).toBeGreaterThan(0);
    expect(start + length).toBe(100);
  });

  it('has none for a step that has not started', () => {
    expect(barOf(step('a'), START, END)).toBeNull();
  });
});
