import { Signal } from '@lumino/signaling';

import type { Client, RunSummary } from '../../api';
import type { IRuns } from '../../tokens';
import { RunsListModel } from '../listModel';

type Parent = RunSummary['parent'];

function run(id: string, parent: Parent = null): RunSummary {
  return { id, parent, state: 'active', revision: 1 } as RunSummary;
}

const PARENT = { id: 'p1', key: 'train/north' };

describe('RunsListModel', () => {
  let runChanged: Signal<object, RunSummary>;
  let queries: object[];

  const make = (scope: { parent: string; step: string } | null) =>
    new RunsListModel(
      {
        runs: async (query: object) => {
          queries.push(query);
          return { items: [], next: null };
        }
      } as unknown as Client,
      {
        runChanged,
        runDeleted: new Signal({}),
        newest: (known: RunSummary) => known
      } as unknown as IRuns,
      scope
    );
  const shown = async (model: RunsListModel, ...runs: RunSummary[]) => {
    runs.forEach(each => runChanged.emit(each));
    await jest.advanceTimersByTimeAsync(1000);
    return model.state.runs.map(({ id }) => id);
  };

  beforeEach(() => {
    jest.useFakeTimers();
    runChanged = new Signal({});
    queries = [];
  });

  afterEach(() => jest.useRealTimers());

  it('shows a pipeline as one run, without those of its steps', async () => {
    const model = make(null);
    expect(await shown(model, run('p1'), run('r1', PARENT))).toEqual(['p1']);
  });

  it('shows the items of one step of one pipeline run', async () => {
    const model = make({ parent: 'p1', step: 'train' });
    await model.reload();
    expect(queries[0]).toMatchObject({ parent: 'p1', step: 'train' });
    expect(
      await shown(
        model,
        run('p1'),
        run('r1', PARENT),
        run('r2', { id: 'p1', key: 'train/a/b' }),
        run('r3', { id: 'p1', key: 'train_again/north' }),
        run('r4', { id: 'p2', key: 'train/north' })
      )
    ).toEqual(['r2', 'r1']);
  });
});
