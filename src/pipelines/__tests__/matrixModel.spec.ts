import { Signal } from '@lumino/signaling';

import type { Client, RunSummary, StepMatrix } from '../../api';
import type { IRuns } from '../../tokens';
import { MatrixModel } from '../matrixModel';

const run = (id: string, job = 'j1') =>
  ({ id, job: { id: job } }) as unknown as RunSummary;

describe('MatrixModel', () => {
  let asked: (string | undefined)[];
  let runChanged: Signal<object, RunSummary>;
  let runDeleted: Signal<object, string>;
  let model: MatrixModel;

  beforeEach(() => {
    jest.useFakeTimers();
    asked = [];
    runChanged = new Signal({});
    runDeleted = new Signal({});
    const client = {
      pipelines: {
        matrix: async (_: string, { cursor }: { cursor?: string }) => {
          asked.push(cursor);
          const runs = [{ run: run(`r${cursor ?? ''}`), cells: [] }];
          return { steps: [], runs, next: 'c1' } as StepMatrix;
        }
      }
    } as unknown as Client;
    const runs = { runChanged, runDeleted } as unknown as IRuns;
    model = new MatrixModel('j1', client, runs);
  });

  afterEach(() => {
    model.dispose();
    jest.useRealTimers();
  });

  it('shows older runs page by page, and comes back', async () => {
    await model.load();
    expect(model.state.isNewest).toBe(true);
    await model.showOlder();
    expect(model.state.isNewest).toBe(false);
    await model.showNewer();
    expect(model.state.isNewest).toBe(true);
    expect(asked).toEqual([undefined, 'c1', undefined]);
  });

  it('reads the page again after a change of its runs, and a burst of changes once more', async () => {
    runChanged.emit(run('r'));
    await jest.advanceTimersByTimeAsync(5000);
    expect(asked).toEqual([]);
    await model.load();
    runChanged.emit(run('r', 'another job'));
    await jest.advanceTimersByTimeAsync(5000);
    expect(asked).toHaveLength(1);
    for (let change = 0; change < 20; change += 1) {
      runChanged.emit(run('r'));
    }
    await jest.advanceTimersByTimeAsync(5000);
    expect(asked).toHaveLength(3);
    runDeleted.emit('r');
    await jest.advanceTimersByTimeAsync(5000);
    expect(asked).toHaveLength(4);
  });
});
