import { TranslationBundle } from '@jupyterlab/translation';

import type {
  ImageOption,
  JobKind,
  Kernel,
  Placement,
  Resources,
  Run
} from '../api';
import { formatBytes } from '../shared/format';

export const GB = 1e9;

/** The place of a run, as the texts of the fields. */
export type Place = {
  environment: string;
  /** The name of the image; null for the environment's default. */
  image: string | null;
  cpus: string;
  /** The memory in GB. */
  memory: string;
};

export const EMPTY_PLACE: Place = {
  environment: '',
  image: null,
  cpus: '',
  memory: ''
};

/** Return the place where a run ran. */
export function placeOfRun({ environment, image }: Run): Place {
  return { ...EMPTY_PLACE, environment, image: image?.name ?? null };
}

export function isPlaceOfRun(
  place: Place,
  placement: Placement | undefined,
  run: Run
): boolean {
  return (
    place.environment === run.environment &&
    imageOf(place, placement)?.name === run.image?.name
  );
}

export function placementOf(
  place: Place,
  placements: Placement[]
): Placement | undefined {
  return placements.find(
    placement => placement.environment === place.environment
  );
}

/** Return the image that will run, in an environment that has images. */
export function imageOf(
  place: Place,
  placement: Placement | undefined
): ImageOption | undefined {
  const name = place.image ?? placement?.default_image;
  return placement?.images.find(image => image.name === name);
}

/** Return the place; when it is not allowed any longer, the first place that is. */
export function nearestAllowedPlace(
  place: Place,
  placements: Placement[]
): Place {
  const chosen = placementOf(place, placements);
  const allowed =
    chosen ??
    placements.find(placement => placement.problem === null) ??
    placements[0];
  const image = allowed?.images.find(
    image => image.name === place.image && !image.problems.length
  );
  return {
    ...place,
    environment: allowed?.environment ?? '',
    image: image?.name ?? null
  };
}

/** Tell whether runs of this environment use the kernels of an image. */
export function hasImages(placement: Placement | undefined): boolean {
  return placement?.executor === 'docker';
}

/** Choose the kernel of an image for a notebook, by the same rule as the server. */
export function matchingKernel(
  kernels: Kernel[],
  preferred: Kernel | null
): Kernel | null {
  const sameLanguage = kernels.filter(
    kernel => kernel.language === preferred?.language
  );
  return (
    kernels.find(kernel => kernel.name === preferred?.name) ??
    (sameLanguage.length === 1 ? sameLanguage[0] : null)
  );
}

/** Return the place for an inspection; nothing while a person must still choose an image. */
export function inspectionPlace(
  place: Place,
  placement: Placement | undefined
): { environment?: string; image?: string } {
  const image = imageOf(place, placement);
  return placement && (image || !hasImages(placement))
    ? { environment: placement.environment, image: image?.name }
    : {};
}

/**
 * Read the place from the texts of the fields.
 *
 * Image and resources of a pipeline are those of its steps, which its file names.
 */
export function readPlace(
  place: Place,
  placement: Placement | undefined,
  kind: JobKind,
  trans: TranslationBundle
): {
  choice: {
    environment?: string;
    image?: string;
    resources?: Resources;
  };
  problems: { [name: string]: string };
} {
  const problems: { [name: string]: string } = {};
  const resources: Resources = {
    cpus: null,
    memory_bytes: null,
    pids: null,
    gpus: null
  };
  if (placement?.problem) {
    problems.environment = placement.problem;
  }
  const hasOneImage = kind !== 'pipeline' && hasImages(placement);
  if (hasOneImage) {
    const image = imageOf(place, placement);
    if (!placement?.problem && !image) {
      problems.image = trans.__('Choose an image.');
    } else if (image?.problems.length) {
      problems.image = image.problems.join(' ');
    }
    const maximum = placement!.limits.resources;
    if (place.cpus.trim()) {
      resources.cpus = Number(place.cpus);
      problems.cpus = limitProblem(
        resources.cpus,
        maximum.cpus,
        count => trans.__('%1 CPUs', count),
        trans
      );
    }
    if (place.memory.trim()) {
      resources.memory_bytes = Math.round(Number(place.memory) * GB);
      problems.memory_bytes = limitProblem(
        resources.memory_bytes,
        maximum.memory_bytes,
        formatBytes,
        trans
      );
    }
  }
  const hasResources =
    resources.cpus !== null || resources.memory_bytes !== null;
  return {
    choice: {
      environment: place.environment || undefined,
      image:
        placement?.locked.includes('image') || kind === 'pipeline'
          ? undefined
          : (place.image ?? undefined),
      resources: hasResources ? resources : undefined
    },
    problems: Object.fromEntries(
      Object.entries(problems).filter(([, problem]) => problem)
    )
  };
}

function limitProblem(
  value: number,
  maximum: number | null,
  format: (value: number) => string,
  trans: TranslationBundle
): string {
  if (!(value > 0)) {
    return trans.__('Needs a number greater than 0.');
  }
  return maximum && value > maximum
    ? trans.__('The environment allows at most %1.', format(maximum))
    : '';
}

/** List the limits that are set but that the executor cannot enforce. */
export function unenforcedLimits(
  placement: Placement,
  trans: TranslationBundle
): string[] {
  const limits: [string, boolean, string][] = [
    ['cpus', hasValue(placement.limits.resources.cpus), trans.__('CPUs')],
    [
      'memory_bytes',
      hasValue(placement.limits.resources.memory_bytes),
      trans.__('memory')
    ],
    ['pids', hasValue(placement.limits.resources.pids), trans.__('processes')],
    ['gpus', hasValue(placement.limits.resources.gpus), trans.__('GPUs')],
    ['network', !placement.network, trans.__('network')]
  ];
  return limits
    .filter(([name, isSet]) => isSet && placement.not_enforced.includes(name))
    .map(([, , label]) => label);
}

function hasValue(value: number | null): boolean {
  return value !== null && value !== undefined;
}
