import { Signal } from '@lumino/signaling';

import {
  Client,
  EventStream,
  PipelineStep,
  Problem,
  RunSummary
} from '../../api';
import type { IRuns } from '../../tokens';
import { StepsModel } from '../model';
import { item, step } from './fixtures';

describe('StepsModel', () => {
  let model: StepsModel;
  let runChanged: Signal<object, RunSummary>;
  let restarted: Signal<object, void>;
  let requests: number;
  let answer: () => Promise<PipelineStep[]>;
  let decisions: unknown[];

  const settled = () => jest.advanceTimersByTimeAsync(0);
  const later = () => jest.advanceTimersByTimeAsync(5000);

  beforeEach(() => {
    jest.useFakeTimers();
    runChanged = new Signal({});
    restarted = new Signal({});
    requests = 0;
    decisions = [];
    answer = async () => [step('a')];
    const client = {
      pipelines: {
        steps: () => {
          requests += 1;
          return answer();
        },
        decide: async (...decision: unknown[]) => {
          decisions.push(decision);
        }
      }
    };
    model = new StepsModel(
      'p1',
      client as unknown as Client,
      { restarted } as unknown as EventStream,
      { runChanged } as unknown as IRuns
    );
  });

  afterEach(() => {
    model.dispose();
    jest.useRealTimers();
  });

  it('asks for nothing until its steps are looked at', async () => {
    runChanged.emit(item('north'));
    restarted.emit();
    await later();
    expect(requests).toBe(0);
  });

  it('makes few requests of many changes, and one after the last of them', async () => {
    model.refresh();
    await settled();
    expect(requests).toBe(1);
    let state: PipelineStep['state'] = 'running';
    answer = async () => [step('a', { state })];
    for (let change = 0; change < 1000; change++) {
      runChanged.emit(item(`item-${change}`));
    }
    state = 'succeeded';
    await later();
    expect(requests).toBeLessThanOrEqual(3);
    expect(model.state.steps?.[0].state).toBe('succeeded');
  });

  it('asks for nothing when only the progress of a step has changed, but tells of it', async () => {
    model.refresh();
    runChanged.emit(item('north', { state: 'active' }));
    await later();
    const before = [requests, model.state];
    runChanged.emit(item('north', { state: 'active' }));
    await later();
    expect(requests).toBe(before[0]);
    expect(model.state).not.toBe(before[1]);
  });

  it('reads again after a change that came during a slow request', async () => {
    let finish: (steps: PipelineStep[]) => void = () => undefined;
    answer = () => new Promise(resolve => (finish = resolve));
    model.refresh();
    await later();
    runChanged.emit(item('north'));
    answer = async () => [step('a', { state: 'failed' })];
    finish([step('a')]);
    await later();
    expect(model.state.steps?.[0].state).toBe('failed');
  });

  it('takes no notice of the runs of others', async () => {
    model.refresh();
    await later();
    runChanged.emit(
      item('north', { parent: { id: 'p2', key: 'a', kind: 'pipeline' } })
    );
    runChanged.emit(item('alone', { parent: null }));
    await later();
    expect(requests).toBe(1);
  });

  it('keeps the known steps when the server does not answer', async () => {
    model.refresh();
    await settled();
    answer = () => Promise.reject(new Problem({ detail: 'Away.' }));
    restarted.emit();
    await later();
    expect(model.state.steps).toHaveLength(1);
    expect(model.state.trouble?.message).toBe('Away.');
  });

  it('shows the steps anew after a decision', async () => {
    model.refresh();
    await later();
    answer = async () => [step('a', { state: 'succeeded' })];
    await model.decide('a', { approved: true, comment: 'Good.' });
    await later();
    expect(decisions).toEqual([
      ['p1', 'a', { approved: true, comment: 'Good.' }]
    ]);
    expect(model.state.steps?.[0].state).toBe('succeeded');
  });

  it('does nothing more once it is disposed of', async () => {
    model.refresh();
    await settled();
    runChanged.emit(item('north'));
    model.dispose();
    await later();
    expect(requests).toBe(1);
  });
});
