import { nullTranslator } from '@jupyterlab/translation';

import { Client, Job, JobChange, Problem } from '../../api';
import { JobSettingsModel } from '../jobModel';

const trans = nullTranslator.load('dataops_lab');

const JOB = {
  id: 'j1',
  name: 'report',
  concurrency: null,
  pinned: ['reference/*', '!today.yaml'],
  revision: 4,
  priority: 5,
  max_retries: null,
  retry_on_timeout: true,
  queue_timeout_s: null,
  start_timeout_s: null,
  timeout_s: 90,
  total_timeout_s: null
} as Job;

describe('JobSettingsModel', () => {
  let sent: JobChange[];
  let failure: Problem | null;
  let model: JobSettingsModel;

  beforeEach(async () => {
    sent = [];
    failure = null;
    const jobs = {
      get: async () => JOB,
      change: async (_: string, change: JobChange) => {
        sent.push(change);
        if (failure) {
          throw failure;
        }
        return { ...JOB, ...change, revision: 5 } as Job;
      }
    };
    model = new JobSettingsModel('j1', { jobs } as unknown as Client, trans);
    await model.load();
  });

  it('shows times in minutes, and sends them in seconds', async () => {
    expect(model.state.settings.timeout_s).toBe('1.5');
    model.setSettings({ timeout_s: '2' });
    await model.save();
    expect(sent).toMatchObject([
      { timeout_s: 120, priority: 5, retry_on_timeout: true, revision: 4 }
    ]);
    expect(model.state.saved).toBe(true);
  });

  it('shows a pattern of pinned files a line, and sends those that are left', async () => {
    expect(model.state.pinned).toBe('reference/*\n!today.yaml');
    model.edit({ pinned: ' reference/* \n\n../rates.csv\n' });
    await model.save();
    expect(sent).toMatchObject([{ pinned: ['reference/*', '../rates.csv'] }]);
  });

  it('takes a setting back when its field is emptied', async () => {
    model.setSettings({ priority: '', retry_on_timeout: '' });
    await model.save();
    expect(sent).toMatchObject([{ priority: null, retry_on_timeout: null }]);
  });

  it('sends nothing while a field is wrong', async () => {
    model.edit({ concurrency: '-1', name: ' ' });
    model.setSettings({ priority: '101' });
    await model.save();
    expect(sent).toEqual([]);
    expect(Object.keys(model.state.problems).sort()).toEqual([
      'concurrency',
      'name',
      'priority'
    ]);
  });

  it('says when somebody else has changed the job meanwhile', async () => {
    failure = new Problem({ status: 409, detail: 'Changed meanwhile.' });
    await model.save();
    expect(model.state.trouble?.message).toBe('Changed meanwhile.');
    expect(model.state.saved).toBe(false);
  });
});
