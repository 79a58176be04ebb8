import { nullTranslator } from '@jupyterlab/translation';

import { Client, Problem, Schedule } from '../../api';
import { ScheduleFormModel, Subject } from '../formModel';

const trans = nullTranslator.load('dataops_lab');

const DAY = {
  name: 'day',
  type: 'date',
  default: null,
  required: true,
  nullable: false,
  choices: [],
  description: ''
};
const REGION = { ...DAY, name: 'region', type: 'string', default: 'North' };

const SCHEDULE = {
  id: 's1',
  name: 'sales',
  job_id: 'j1',
  revision: 3,
  rule: { kind: 'cron', expression: '30 7 * * 1' },
  timezone: 'Europe/Paris',
  starts_at: '2026-01-01T07:00:00Z',
  ends_at: null,
  jitter_s: 120,
  calendar: 'fr',
  on_holiday: 'skip',
  parameters: { region: 'West', gone: 4 },
  dates: { day: 'yesterday' },
  presets: [{ name: 'south', parameters: { region: 'South' }, recipients: [] }],
  recipients: [],
  overlap: 'buffer_one',
  misfire: 'all',
  catchup_window_s: 7200,
  pause_on_failure: 3,
  due: { at: '09:00:00', within_s: null },
  send: { when: 'changed', values: ['auc', 'rows'], condition: '' },
  last_run: null
} as unknown as Schedule;

const preset = (name: string, parameters: string, tell = '') => ({
  name,
  parameters,
  tell,
  recipients: []
});

describe('ScheduleFormModel', () => {
  let sent: { [member: string]: unknown }[];
  let refusal: Problem | null;
  let models: ScheduleFormModel[];

  beforeEach(() => {
    sent = [];
    refusal = null;
    models = [];
  });
  afterEach(() => models.forEach(model => model.dispose()));

  const open = async (subject: Subject) => {
    const store = async (request: { [member: string]: unknown }) => {
      if (refusal) {
        throw refusal;
      }
      sent.push(request);
      return SCHEDULE;
    };
    const client = {
      inspect: async () => ({ name: 'sales', parameters: [DAY, REGION] }),
      jobs: {
        get: async () => ({ contents_path: 'sales.ipynb' }),
        page: async () => ({ items: [], next: null })
      },
      schedules: {
        get: async () => SCHEDULE,
        add: store,
        change: (_: string, request: { [member: string]: unknown }) =>
          store(request),
        calendars: async () => [],
        preview: async () => {
          if (refusal) {
            throw refusal;
          }
          return { items: [], never: null, warnings: [] };
        }
      }
    } as unknown as Client;
    const model = new ScheduleFormModel(subject, client, trans);
    models.push(model);
    await model.load();
    return model;
  };

  const fresh = () =>
    open({
      source: { path: 'sales.ipynb', environment: 'sandbox' },
      parameters: { region: 'West' }
    });

  it('asks for a value that is required, until a date gives it', async () => {
    const model = await fresh();
    expect(await model.save()).toBeNull();
    expect(model.state.problems['parameter-day']).toContain('Needs a date');
    model.setDate('day', 'yesterday');
    expect(await model.save()).toBe(SCHEDULE);
    expect(sent).toMatchObject([
      {
        path: 'sales.ipynb',
        environment: 'sandbox',
        name: 'sales',
        rule: { kind: 'cron', expression: '0 8 * * *' },
        parameters: { region: 'West' },
        dates: { day: 'yesterday' },
        overlap: 'skip',
        misfire: 'latest',
        pause_on_failure: null
      }
    ]);
  });

  it('sends a schedule that nobody touched back as it is', async () => {
    const model = await open({ id: 's1' });
    await model.save();
    const { id: _, job_id: __, last_run: ___, ...settings } = SCHEDULE;
    expect(sent).toEqual([
      {
        ...settings,
        starts_at: '2026-01-01T07:00:00.000Z',
        due: { at: '09:00', within_s: null }
      }
    ]);
  });

  it('asks for the values or the condition that decide on sending', async () => {
    const model = await open({ id: 's1' });
    model.edit({ sendValues: ' ' });
    expect(await model.save()).toBeNull();
    expect(model.state.problems.sendValues).toContain('at least one');
    model.edit({ sendWhen: 'condition' });
    expect(await model.save()).toBeNull();
    model.edit({ sendCondition: ' values.auc < 1 ' });
    await model.save();
    expect(sent[0].send).toEqual({
      when: 'condition',
      values: [],
      condition: 'values.auc < 1'
    });
  });

  it('needs no value of a parameter that each preset gives', async () => {
    const model = await fresh();
    model.edit({
      presets: [preset('first', '{"day": "2026-01-01"}')]
    });
    expect(await model.save()).toBe(SCHEDULE);
    expect(sent).toMatchObject([{ parameters: { region: 'West' } }]);
  });

  it('goes on from the chosen time when a person wants an expression', async () => {
    const model = await fresh();
    model.editRule({ at: '17:30' });
    model.editRule({ often: 'cron' });
    expect(model.state.draft.rule.expression).toBe('30 17 * * *');
  });

  it('shows a refusal in the field that it is about', async () => {
    const model = await fresh();
    model.setDate('day', 'today');
    refusal = new Problem({ code: 'name_taken', detail: 'There is one.' });
    expect(await model.save()).toBeNull();
    expect(model.state.problems.name).toBe('There is one.');
    expect(model.state.trouble).toBeNull();
  });

  it('says of a preset that is not a mapping that it is wrong', async () => {
    const model = await fresh();
    model.setDate('day', 'today');
    model.edit({ presets: [preset('south', '[1]')] });
    expect(await model.save()).toBeNull();
    expect(model.state.problems['preset-0']).toContain('a mapping in JSON');
    expect(sent).toEqual([]);
  });

  it('keeps of what a recipient is told, and refuses one without a name', async () => {
    const model = await fresh();
    model.setDate('day', 'today');
    model.edit({ recipients: [{ to: ' ', on: ['on_late'] }] });
    expect(await model.save()).toBeNull();
    expect(model.state.problems.recipients).toContain('needs a name');
    model.edit({
      recipients: [{ to: 'bob', on: ['on_late'] }],
      presets: [preset('south', '{}', 'eve, target:south')]
    });
    expect(await model.save()).toBe(SCHEDULE);
    expect(sent).toMatchObject([
      {
        recipients: [{ to: 'bob', on: ['on_late'] }],
        presets: [{ recipients: [{ to: 'eve' }, { to: 'target:south' }] }]
      }
    ]);
  });
});
