import type { Client, Image, ImageTask, ImageTrial } from '../../api';
import { ImagesModel } from '../images';

const TASK: ImageTask = {
  id: '01A',
  kind: 'add',
  image: 'lean',
  state: 'running',
  created_at: '2026-11-21T12:00:00.000Z',
  created_by: { id: 'ada', name: 'Ada', kind: 'person' },
  finished_at: null,
  error: null,
  log: '',
  log_size: 0
};

const CANCELLED = { code: 'task_cancelled', message: '', detail: {} };

describe('ImagesModel', () => {
  let answers: (Partial<ImageTask> | Error)[];
  let asked: number[];
  let catalogue: Image[];
  let tasks: ImageTask[];
  let trials: Partial<ImageTrial>[];
  let model: ImagesModel;
  let changes: number;

  const passes = async (milliseconds: number) => {
    await jest.advanceTimersByTimeAsync(milliseconds);
  };

  beforeEach(async () => {
    jest.useFakeTimers();
    answers = [];
    asked = [];
    changes = 0;
    catalogue = [];
    tasks = [];
    trials = [];
    const images = {
      all: async () => catalogue,
      tasks: async () => tasks,
      cancelTask: async () => ({ ...TASK, error: CANCELLED }),
      add: async () => TASK,
      users: async () => ({ jobs: [] }),
      trials: async () => [],
      startTrial: async () => ({ id: 't', image: 'lean', complete: false }),
      trial: async () => trials.shift(),
      task: async (_: string, after: number) => {
        asked.push(after);
        const answer = answers.shift()!;
        if (answer instanceof Error) {
          throw answer;
        }
        return { ...TASK, ...answer };
      }
    };
    model = new ImagesModel(
      {
        images,
        environments: { all: async () => [] }
      } as unknown as Client,
      () => changes++
    );
    await model.load();
  });

  afterEach(() => {
    model.dispose();
    jest.useRealTimers();
  });

  it('follows a task to its end, reading on in its log', async () => {
    answers = [
      { log: 'pulling\n', log_size: 8 },
      { log: 'probing\n', log_size: 16, state: 'succeeded' }
    ];
    await model.add({ name: 'lean', reference: 'lean:1' });
    catalogue = [{ name: 'lean' } as Image];
    await passes(10_000);
    expect(asked).toEqual([0, 8]);
    expect(model.state.tasks).toMatchObject([
      { state: 'succeeded', log: 'pulling\nprobing\n' }
    ]);
    expect(model.state.images).toEqual(catalogue);
    expect(changes).toBe(1);
  });

  it('reads no log twice when it is cancelled or everything is read anew', async () => {
    answers = [
      { log: 'pulling\n', log_size: 8, error: CANCELLED },
      { log: 'ended\n', log_size: 14, error: CANCELLED, state: 'failed' }
    ];
    await model.add({ name: 'lean', reference: 'lean:1' });
    await model.cancel(TASK.id);
    expect(model.state.tasks[0].error).toEqual(CANCELLED);
    tasks = [TASK];
    await model.load();
    await passes(10_000);
    expect(asked).toEqual([0, 8]);
    expect(model.state.tasks[0].log).toBe('pulling\nended\n');
  });

  it('goes on following when the server was away', async () => {
    answers = [new Error('away'), { state: 'failed' }];
    await model.add({ name: 'lean', reference: 'lean:1' });
    await passes(10_000);
    expect(model.state.tasks[0].state).toBe('failed');
  });

  it('asks nothing any more when it is disposed of', async () => {
    await model.add({ name: 'lean', reference: 'lean:1' });
    model.dispose();
    await passes(10_000);
    expect(asked).toEqual([]);
  });

  it('follows a trial until it is complete, while its image is looked at', async () => {
    await model.select('lean');
    trials = [
      { id: 't', image: 'lean', complete: false },
      { id: 't', image: 'lean', complete: true }
    ];
    await model.startTrial({ image: 'lean' });
    await passes(10_000);
    expect(model.state.trial).toMatchObject({ complete: true });

    await model.select(null);
    await model.startTrial({ image: 'lean' });
    expect(model.state.trial).toBeNull();
  });
});
