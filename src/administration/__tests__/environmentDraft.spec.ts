import { nullTranslator } from '@jupyterlab/translation';

import type { Environment } from '../../api';
import {
  draftOfEnvironment,
  fieldOf,
  NEW_ENVIRONMENT,
  readEnvironment
} from '../environmentDraft';

const trans = nullTranslator.load('dataops_lab');

const ENVIRONMENT: Environment = {
  name: 'boxes',
  position: 1,
  executor: 'docker',
  description: 'With images',
  docker: { host: 'ssh://build@host', user: '1000:1000', warm: 2 },
  limits: {
    resources: { cpus: 1.5, memory_bytes: 2.5e9, pids: 100, gpus: 0 },
    timeout_s: 90,
    concurrency: 4
  },
  images: ['lean', 'data'],
  default_image: 'data',
  network: false,
  mounts: [{ source: '/srv/data', target: '/data', read_only: true }],
  locked: ['image'],
  guarded: true,
  output_folder: '/srv/reports',
  revision: 3,
  changed_at: '2026-11-21T12:00:00.000Z',
  changed_by: { id: 'ada', name: 'Ada', kind: 'person' },
  not_enforced: []
};

describe('the form of an environment', () => {
  it('means what the environment is, when nobody touched it', () => {
    const draft = draftOfEnvironment(ENVIRONMENT);
    const { settings, problems } = readEnvironment(draft, 3, trans);
    const { name, changed_at, changed_by, not_enforced, ...rest } = ENVIRONMENT;
    expect(problems).toEqual({});
    expect(settings).toEqual(rest);
  });

  it('says at each field what is wrong with it', () => {
    const { problems } = readEnvironment(
      {
        ...NEW_ENVIRONMENT,
        cpus: '0',
        pids: '1.5',
        warm: '-1',
        memory: 'much',
        mounts: [{ source: '/srv', target: '', read_only: true }]
      },
      null,
      trans
    );
    expect(Object.keys(problems).sort()).toEqual([
      'cpus',
      'memory',
      'mounts',
      'name',
      'pids',
      'warm'
    ]);
  });

  it('has no default image that it does not allow, and no empty folder', () => {
    const { settings } = readEnvironment(
      {
        ...NEW_ENVIRONMENT,
        name: 'boxes',
        images: ['lean'],
        defaultImage: 'data',
        mounts: [{ source: ' ', target: '', read_only: true }]
      },
      null,
      trans
    );
    expect(settings.default_image).toBeNull();
    expect(settings.mounts).toEqual([]);
  });

  it.each([
    ['limits.resources.memory_bytes', 'memory'],
    ['docker.user', 'user'],
    ['mounts.0.source', 'mounts'],
    ['name', 'name']
  ])('shows what the server says about %s at %s', (name, field) => {
    expect(fieldOf(name)).toBe(field);
  });
});
