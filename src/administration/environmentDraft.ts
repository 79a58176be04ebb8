import { TranslationBundle } from '@jupyterlab/translation';

import type { Environment, EnvironmentChange, ExecutorKind } from '../api';
import { numberText, readNumber } from './numbers';

const GB = 1e9;

/** The names that the API accepts. */
const NAME = /^[a-z][a-z0-9-]{0,62}$/;

export type MountDraft = { source: string; target: string; read_only: boolean };

/** The texts in the form of an environment. Memory is in GB, times are in minutes. */
export type EnvironmentDraft = {
  name: string;
  description: string;
  /** Counted from 1; empty for the last place. */
  position: string;
  executor: ExecutorKind;
  guarded: boolean;
  outputFolder: string;
  host: string;
  user: string;
  warm: string;
  cpus: string;
  memory: string;
  pids: string;
  gpus: string;
  timeout: string;
  concurrency: string;
  network: boolean;
  images: string[];
  defaultImage: string;
  mounts: MountDraft[];
  locked: string[];
};

/** The settings of a run that an environment may lock, so that no run chooses them. */
export const LOCKABLE = ['image', 'kernel', 'resources', 'timeout_s'] as const;

export const NEW_ENVIRONMENT: EnvironmentDraft = {
  name: '',
  description: '',
  position: '',
  executor: 'docker',
  guarded: false,
  outputFolder: '',
  host: '',
  user: '1000:1000',
  warm: '0',
  cpus: '',
  memory: '',
  pids: '',
  gpus: '',
  timeout: '',
  concurrency: '',
  network: true,
  images: [],
  defaultImage: '',
  mounts: [],
  locked: []
};

export function draftOfEnvironment(environment: Environment): EnvironmentDraft {
  const { resources, timeout_s, concurrency } = environment.limits;
  return {
    name: environment.name,
    description: environment.description,
    position: String(environment.position + 1),
    executor: environment.executor,
    guarded: environment.guarded,
    outputFolder: environment.output_folder ?? '',
    host: environment.docker.host ?? '',
    user: environment.docker.user,
    warm: String(environment.docker.warm),
    cpus: numberText(resources.cpus),
    memory: numberText(resources.memory_bytes, GB),
    pids: numberText(resources.pids),
    gpus: numberText(resources.gpus),
    timeout: numberText(timeout_s, 60),
    concurrency: numberText(concurrency),
    network: environment.network,
    images: environment.images ?? [],
    defaultImage: environment.default_image ?? '',
    mounts: environment.mounts ?? [],
    locked: environment.locked ?? []
  };
}

/** Read the settings that a form means, and the problems by field. */
export function readEnvironment(
  draft: EnvironmentDraft,
  revision: number | null,
  trans: TranslationBundle
): { settings: EnvironmentChange; problems: { [name: string]: string } } {
  const problems: { [name: string]: string } = {};
  const number = (
    name: keyof EnvironmentDraft,
    bounds: Parameters<typeof readNumber>[2] = {}
  ) => readNumber(draft[name] as string, name, bounds, problems, trans);
  const whole = { whole: true };
  const position = number('position', { whole: true, from: 1 });
  if (!draft.name.trim()) {
    problems.name = trans.__('Give it a name.');
  } else if (!NAME.test(draft.name.trim())) {
    problems.name = trans.__(
      'Needs small letters, digits and hyphens, with a letter first.'
    );
  }
  const mounts = draft.mounts.filter(
    mount => mount.source.trim() || mount.target.trim()
  );
  if (mounts.some(mount => !mount.source.trim() || !mount.target.trim())) {
    problems.mounts = trans.__('A folder needs both paths.');
  }
  return {
    settings: {
      description: draft.description.trim(),
      position: position === null ? null : position - 1,
      executor: draft.executor,
      output_folder: draft.outputFolder.trim() || null,
      guarded: draft.guarded,
      docker: {
        host: draft.host.trim() || null,
        user: draft.user.trim(),
        warm: number('warm', { whole: true, from: 0 }) ?? 0
      },
      limits: {
        resources: {
          cpus: number('cpus'),
          memory_bytes: number('memory', { scale: GB }),
          pids: number('pids', whole),
          gpus: number('gpus', { whole: true, from: 0 })
        },
        timeout_s: number('timeout', { scale: 60 }),
        concurrency: number('concurrency', whole)
      },
      network: draft.network,
      images: draft.images,
      default_image: draft.images.includes(draft.defaultImage)
        ? draft.defaultImage
        : null,
      mounts,
      locked: draft.locked,
      revision
    },
    problems
  };
}

/** Return the field of the form that belongs to a name of the API. */
export function fieldOf(name: string): string {
  const last = name.split('.').pop()!;
  const fields: { [name: string]: string } = {
    memory_bytes: 'memory',
    timeout_s: 'timeout',
    default_image: 'images'
  };
  return name.startsWith('mounts') ? 'mounts' : (fields[last] ?? last);
}
