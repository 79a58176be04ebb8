import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';

import { Backfill, BackfillRequest, Client, Problem } from '../../api';
import { BackfillModel } from '../backfillModel';

const trans = nullTranslator.load('dataops_lab');
const BACKFILL: Backfill = {
  id: 'b1',
  first: '2026-01-01T07:00:00Z',
  last: '2026-01-05T07:00:00Z',
  concurrency: 3,
  tells: false,
  waiting: 0,
  running: 0,
  done: 3,
  failed: 2,
  skipped: 0
};

function open(
  preview: (request: BackfillRequest) => Promise<unknown[]> = async () => []
) {
  const schedules = {
    get: async () => ({ id: 's1', timezone: 'Europe/Paris', job_id: 'j1' }),
    backfills: async () => [BACKFILL],
    previewBackfill: jest.fn((_id: string, request: BackfillRequest) =>
      preview(request)
    ),
    backfill: jest.fn(async (_id: string, _request: BackfillRequest) => ({})),
    cancelBackfill: jest.fn(async () => ({}))
  };
  const signal = () => new Signal<object, never>({});
  const model = new BackfillModel(
    's1',
    { schedules } as unknown as Client,
    { schedule: signal(), restarted: signal() } as never,
    { runChanged: signal() } as never,
    trans
  );
  model.refresh();
  return { model, schedules };
}

async function until(check: () => boolean): Promise<void> {
  while (!check()) {
    await new Promise(resolve => setTimeout(resolve, 5));
  }
}

describe('the model of a backfill', () => {
  it('asks for what is missing in the last seven days, and tells nobody', async () => {
    const { model, schedules } = open();
    await until(() => model.state.cells !== null);
    const [, request] = schedules.previewBackfill.mock.calls[0];
    const days =
      (Date.parse(request.last) - Date.parse(request.first)) / 86_400_000;
    expect(Math.round(days)).toBe(7);
    expect(request).toMatchObject({
      scope: 'missing',
      concurrency: 1,
      newest_first: false,
      tells: false
    });
    model.dispose();
  });

  it('reads times in the zone of the schedule', async () => {
    const { model, schedules } = open();
    await until(() => model.state.cells !== null);
    model.edit({ first: '2026-01-31T08:00', last: '2026-07-31T08:00' });
    await model.start();
    expect(schedules.backfill.mock.calls[0][1]).toMatchObject({
      first: '2026-01-31T07:00:00.000Z',
      last: '2026-07-31T06:00:00.000Z'
    });
    model.dispose();
  });

  it.each([
    [{ first: '' }, 'first'],
    [{ first: '2026-02-01T00:00', last: '2026-01-01T00:00' }, 'last'],
    [{ concurrency: '0' }, 'concurrency'],
    [{ concurrency: '2.5' }, 'concurrency']
  ] as const)('starts nothing with %j', async (change, field) => {
    const { model, schedules } = open();
    await until(() => model.state.cells !== null);
    model.edit(change);
    await model.start();
    expect(schedules.backfill).not.toHaveBeenCalled();
    expect(model.state.problems[field]).toBeTruthy();
    expect(model.state.cells).toBeNull();
    model.dispose();
  });

  it('says why a span is refused', async () => {
    const { model } = open(async () => {
      throw new Problem({
        code: 'too_many_ticks',
        message: 'The backfill has 100,000 ticks; 1,000 are allowed.'
      } as never);
    });
    await until(() => model.state.previewProblem !== null);
    expect(model.state.cells).toBeNull();
    model.dispose();
  });

  it('runs only the failed ones of a backfill again', async () => {
    const { model, schedules } = open();
    await until(() => model.state.backfills.length > 0);
    await model.again(BACKFILL);
    expect(schedules.backfill.mock.calls[0][1]).toMatchObject({
      first: BACKFILL.first,
      last: BACKFILL.last,
      scope: 'failed',
      concurrency: 3
    });
    model.dispose();
  });
});
