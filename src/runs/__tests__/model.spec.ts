import { Signal } from '@lumino/signaling';

import type { Actor, Client, EventStream, Run } from '../../api';
import { RunsModel } from '../model';

function run(state: string): Run {
  const come = { attempts: [{}], progress: { done: 0 } };
  return { id: 'r1', state, phase: state, created_at: '', ...come } as never;
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
        items: [run(query.state ? 'active' : 'succeeded')]
      })
    } as unknown as Client;
    const model = new RunsModel(client, noEvents());
    const told: string[] = [];
    model.runChanged.connect((_, run) => told.push(run.state));
    await model.start();
    // Whoever shows it already hears it from here: the stream began too late for that.
    expect(told).toEqual(['succeeded']);
    expect(model.active).toEqual([]);
    expect(model.get('r1')?.state).toBe('succeeded');
  });

  // Another person may have the same name to show: the id decides.
  const ADA: Actor = { id: 'ada', name: 'Ada', kind: 'person' };

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
