import { Signal } from '@lumino/signaling';

import type { Client, RunSummary } from '../../api';
import type { IRuns } from '../../tokens';
import { RunsListModel } from '../listModel';

type Parent = RunSummary['parent'];

function run(id: string, parent: Parent = null): RunSummary {
  return { id, parent, state: 'active', revision: 1 } as RunSummary;
}

const PARENT: Parent = { id: 'p1', key: 'train/north', kind: 'pipeline' };

describe('RunsListModel', () => {
  let runChanged: Signal<object, RunSummary>;

  const make = () =>
    new RunsListModel(
      {
        runs: async () => ({ items: [], next: null })
      } as unknown as Client,
      {
        runChanged,
        runDeleted: new Signal({}),
        newest: (known: RunSummary) => known
      } as unknown as IRuns
    );
  const shown = async (model: RunsListModel, ...runs: RunSummary[]) => {
    runs.forEach(each => runChanged.emit(each));
    await jest.advanceTimersByTimeAsync(1000);
    return model.state.runs.map(({ id }) => id);
  };

  beforeEach(() => {
    jest.useFakeTimers();
    runChanged = new Signal({});
  });

  afterEach(() => jest.useRealTimers());

  it('shows a pipeline as one run, without those of its steps', async () => {
    const model = make();
    expect(await shown(model, run('p1'), run('r1', PARENT))).toEqual(['p1']);
  });
});
