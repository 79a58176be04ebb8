import { Signal } from '@lumino/signaling';

import type { Actor, Client, EventStream, RunSummary } from '../../api';
import { RunsModel } from '../model';

function run(state: string, revision: number, id = 'r1'): RunSummary {
  return { id, state, phase: state, revision } as never;
}

// Another person may have the same display name, so the id decides.
const ADA: Actor = { id: 'ada', name: 'Ada', kind: 'person' };

/** Make a source of numbers from 0 to 1, the same numbers for the same seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 16807) % 2147483647) / 2147483647;
}

function noEvents(): EventStream {
  const signal = () => new Signal<object, never>({});
  return {
    run: signal(),
    deleted: signal(),
    restarted: signal(),
    stateChanged: signal(),
    open: () => undefined
  } as unknown as EventStream;
}

describe('RunsModel', () => {
  it('takes no older answer for a run that has ended', async () => {
    // The run ended between the two questions.
    const client = {
      status: async () => ({ user: ADA, queued: 0, may_administer: true }),
      runs: async (query: { state?: string[] }) => ({
        items: [query.state ? run('active', 2) : run('succeeded', 3)]
      })
    } as unknown as Client;
    const model = new RunsModel(client, noEvents());
    const told: string[] = [];
    model.runChanged.connect((_, run) => told.push(run.state));
    await model.start();
    // A record that shows the run already hears it from the model, since the stream began too late.
    expect(told).toEqual(['succeeded']);
    expect(model.active).toEqual([]);
    expect(model.get('r1')?.state).toBe('succeeded');
  });

  it('ends in the newest of all answers and events, in whatever order they come', () => {
    const way = [
      'queued',
      'queued',
      'active',
      'active',
      'retry_wait',
      'active'
    ];
    const all = [...way, 'succeeded'].map((state, at) => run(state, at + 1));
    const last = all[all.length - 1];
    const random = seeded(7);
    for (let round = 0; round < 200; round++) {
      const model = new RunsModel({} as Client, noEvents());
      const shown: number[] = [];
      model.runChanged.connect((_, changed) => shown.push(changed.revision));
      // Each run comes several times, from the stream and as an answer.
      [...all, ...all, ...all]
        .map(each => ({ each, place: random() }))
        .sort((a, b) => a.place - b.place)
        .forEach(({ each }) => model.add(each));
      expect(model.get('r1')).toBe(last);
      expect(model.active).toEqual([]);
      expect(model.recent).toEqual([last]);
      expect(shown).toEqual([...shown].sort((a, b) => a - b));
    }
  });

  it('tells of a burst of a thousand events in one frame, the newest run first', () => {
    const frames: FrameRequestCallback[] = [];
    jest.spyOn(document, 'hidden', 'get').mockReturnValue(false);
    jest
      .spyOn(window, 'requestAnimationFrame')
      .mockImplementation(frame => frames.push(frame));
    const model = new RunsModel({} as Client, noEvents());
    const shown: number[] = [];
    model.changed.connect(() => shown.push(model.active.length));
    const random = seeded(3);
    const ids = Array.from({ length: 1000 }, (_, at) => `r${1000 + at}`);
    [...ids]
      .map(id => ({ id, place: random() }))
      .sort((a, b) => a.place - b.place)
      .forEach(({ id }) => model.add(run('active', 2, id)));
    expect(shown).toEqual([]);
    frames.forEach(frame => frame(0));
    expect(shown).toEqual([1000]);
    expect(model.active.map(({ id }) => id)).toEqual(ids.reverse());
    jest.restoreAllMocks();
  });

  it('lists a pipeline as one run, and forgets the runs of its steps when they have ended', () => {
    const model = new RunsModel({} as Client, noEvents());
    const child = (state: string, revision: number) =>
      ({
        ...run(state, revision, 'r2'),
        parent: { id: 'r1', key: 'train/north' }
      }) as RunSummary;
    const told: string[] = [];
    model.runChanged.connect((_, changed) => told.push(changed.id));
    model.add(run('active', 1));
    model.add(child('active', 1));
    expect(model.active.map(({ id }) => id)).toEqual(['r1']);
    expect(model.get('r2')).toBeDefined();
    model.add(child('succeeded', 2));
    expect(model.recent).toEqual([]);
    expect(model.get('r2')).toBeUndefined();
    expect(told).toEqual(['r1', 'r2', 'r2']);
  });

  it('does not bring back a run that ended and was forgotten', () => {
    const model = new RunsModel({} as Client, noEvents());
    for (let at = 1000; at < 1100; at++) {
      model.add(run('succeeded', 4, `r${at}`));
    }
    expect(model.recent).toHaveLength(20);
    model.add(run('active', 3, 'r1000'));
    expect(model.active).toEqual([]);
  });

  it.each([
    [false, false],
    [true, true]
  ])(
    'lets a person change what is her own, and more as an administrator (%s)',
    async (may_administer, others) => {
      const model = new RunsModel(
        {
          status: async () => ({ user: ADA, queued: 0, may_administer }),
          runs: async () => ({ items: [] })
        } as unknown as Client,
        noEvents()
      );
      await model.start();
      expect(model.mayChange({ created_by: ADA })).toBe(true);
      expect(model.mayChange({ created_by: { ...ADA, id: 'bob' } })).toBe(
        others
      );
    }
  );
});
