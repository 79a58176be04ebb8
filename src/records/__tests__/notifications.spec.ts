import { Notification } from '@jupyterlab/apputils';
import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';

import type { RunSummary } from '../../api';
import type { IRuns } from '../../tokens';
import { notifyOfRuns } from '../notifications';

const PARENT = { id: 'p1', key: 'train', kind: 'pipeline' as const };

describe('notifyOfRuns', () => {
  let runChanged: Signal<object, RunSummary>;
  let told: string[];
  let inView: boolean;

  const becomes = (phase: string, change: Partial<RunSummary> = {}) =>
    runChanged.emit({
      id: 'r1',
      job: { name: 'sales' },
      state: phase === 'succeeded' || phase === 'failed' ? phase : 'active',
      phase,
      parent: null,
      trigger: { kind: 'manual', ref: null },
      ...change
    } as RunSummary);

  beforeEach(() => {
    runChanged = new Signal({});
    told = [];
    inView = false;
    jest
      .spyOn(Notification, 'emit')
      .mockImplementation(
        (message, type) => told.push(`${type} ${message}`) as never
      );
    notifyOfRuns({
      runs: { runChanged, isMine: () => true } as unknown as IRuns,
      isInView: () => inView,
      open: () => undefined,
      trans: nullTranslator.load('dataops_lab')
    });
  });

  it('tells how a run ended that had not ended before', () => {
    becomes('failed');
    expect(told).toEqual([]);
    becomes('running');
    becomes('succeeded');
    becomes('succeeded');
    expect(told).toEqual(['success sales: Succeeded']);
  });

  it('tells once that a pipeline awaits a decision, and again of the next one', () => {
    becomes('running');
    becomes('awaiting_approval');
    becomes('awaiting_approval');
    becomes('running');
    becomes('awaiting_approval');
    expect(told).toEqual(Array(2).fill('info sales: Awaiting approval'));
  });

  it('is silent about what waited before the page was loaded', () => {
    becomes('awaiting_approval');
    becomes('awaiting_approval');
    expect(told).toEqual([]);
  });

  it('is silent about the steps of a pipeline, and about what a person looks at', () => {
    becomes('running', { parent: PARENT });
    becomes('failed', { parent: PARENT });
    inView = true;
    becomes('running');
    becomes('awaiting_approval');
    becomes('succeeded');
    expect(told).toEqual([]);
  });

  it('leaves runs of schedules to the messages of their schedules', () => {
    const trigger = { kind: 'schedule' as const, ref: 't1' };
    becomes('running', { trigger });
    becomes('failed', { trigger });
    expect(told).toEqual([]);
  });
});
