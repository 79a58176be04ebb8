import type { Run } from '../../api';
import { isOlder } from '../runs';

function run(phase: string, attempts: number, done = 0): Run {
  const state = phase === 'succeeded' ? phase : 'active';
  return {
    state,
    phase,
    attempt: attempts,
    progress: { done }
  } as unknown as Run;
}

describe('isOlder', () => {
  it('knows the way of a run through two attempts', () => {
    const way = [
      run('queued', 0),
      run('starting', 1),
      run('running', 1),
      run('running', 1, 2),
      run('finishing', 1, 4),
      run('retrying', 1, 4),
      run('queued', 1, 4),
      run('starting', 2),
      run('running', 2, 1),
      run('succeeded', 2, 4)
    ];
    way.forEach((later, at) => {
      way.slice(0, at).forEach(earlier => {
        expect(isOlder(earlier, later)).toBe(true);
        expect(isOlder(later, earlier)).toBe(false);
      });
      expect(isOlder(later, later)).toBe(false);
    });
  });
});
