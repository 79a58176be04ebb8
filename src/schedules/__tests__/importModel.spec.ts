import { Client, PlannedSchedule, ScheduleImportRequest } from '../../api';
import { ImportModel, wantedOf } from '../importModel';

function item(change: Partial<PlannedSchedule>): PlannedSchedule {
  return {
    id: 'd1',
    old_name: 'sales',
    fate: 'new',
    name: 'sales',
    is_active: true,
    is_paused: null,
    schedule_id: null,
    notes: [],
    ...change
  } as PlannedSchedule;
}

const NEW = item({});
const KNOWN = item({
  id: 'd2',
  fate: 'imported',
  is_paused: true,
  is_active: false,
  waits: true
});
const IMPOSSIBLE = item({ id: 'd3', fate: 'impossible' });

async function open() {
  const schedules = {
    previewImport: jest.fn(async (_: ScheduleImportRequest) => ({
      source: 'scheduler.sqlite',
      items: [NEW, KNOWN, IMPOSSIBLE]
    })),
    runImport: jest.fn(async (_: ScheduleImportRequest) => ({
      source: 'scheduler.sqlite',
      items: [item({ fate: 'imported', schedule_id: 's1', is_paused: false })]
    }))
  };
  const model = new ImportModel({ schedules } as unknown as Client);
  model.refresh();
  while (model.state.busy || !model.state.found) {
    await new Promise(resolve => setTimeout(resolve, 0));
  }
  return { model, schedules };
}

describe('the model of an import', () => {
  it('wants new ones, and with the pause of old ones those that wait for it', async () => {
    const { model } = await open();
    expect(wantedOf(model.state)).toEqual([NEW]);
    model.edit({ pauseOld: true });
    expect(wantedOf(model.state)).toEqual([NEW, KNOWN]);
    model.choose('d1', false);
    expect(wantedOf(model.state)).toEqual([KNOWN]);
    model.dispose();
  });

  it('imports those that were chosen, and shows what became of them', async () => {
    const { model, schedules } = await open();
    await model.run();
    expect(schedules.runImport.mock.calls[0][0]).toMatchObject({
      ids: ['d1'],
      pause_old: false
    });
    expect(model.state.found?.items.map(({ fate }) => fate)).toEqual([
      'imported',
      'imported',
      'impossible'
    ]);
    expect(model.state.isDone).toBe(true);
    model.dispose();
  });
});
