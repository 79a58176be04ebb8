import { Notification } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import { TranslationBundle } from '@jupyterlab/translation';

import type { Client, Placement, Run } from '../api';
import { kindOfPath } from '../shared/kinds';
import type { IRunTarget } from './model';

/** Make the target for a notebook, script or pipeline of the workspace. `findContext` returns its document when that is open. */
export function fileTarget(
  path: string,
  client: Client,
  findContext: () => DocumentRegistry.Context | undefined,
  trans: TranslationBundle,
  template: Run | null = null
): IRunTarget {
  return {
    title: PathExt.basename(path),
    kind: kindOfPath(path) ?? 'notebook',
    rerunOf: null,
    template,
    takeAlong: async file => {
      const { line } = await client.takeAlong(path, file);
      if (line !== null) {
        Notification.info(
          trans.__('Wrote %1 into .dataopsignore beside the notebook.', line)
        );
      }
    },
    relink: async job => {
      await client.jobs.relink(job, path);
    },
    save: async () => {
      const context = findContext();
      if (!context?.model.dirty) {
        return null;
      }
      try {
        await context.save();
      } catch {
        // Lab has said why. Below the form tells that the notebook was not saved.
      }
      return context.model.dirty
        ? trans.__('%1 could not be saved.', PathExt.basename(path))
        : null;
    },
    inspect: where => client.inspect({ path, ...where }),
    validate: environment => client.pipelines.validate({ path, environment }),
    placements: kernel =>
      client.environments.placements(
        kernel?.name,
        kernel?.language,
        kindOfPath(path) ?? undefined
      ),
    previewReuse: submission =>
      client.pipelines.previewReuse({ path, ...submission }),
    submit: (submission, key) => client.submit({ path, ...submission }, key)
  };
}

/** Make the target that runs the version of an earlier run with other parameters or in another place. */
export function rerunTarget(
  run: Run,
  client: Client,
  trans: TranslationBundle
): IRunTarget {
  return {
    title: run.job.name,
    kind: run.kind,
    rerunOf: run,
    template: null,
    takeAlong: () => Promise.reject(new Error('A version is fixed.')),
    relink: () => Promise.reject(new Error('A version is fixed.')),
    save: () => Promise.resolve(null),
    inspect: () => Promise.reject(new Error('A version is fixed.')),
    validate: () => Promise.reject(new Error('A version is fixed.')),
    placements: async kernel => {
      const placements = await client.environments.placements(
        kernel?.name,
        kernel?.language,
        run.kind
      );
      return placements.map(placement => withImageOfRun(placement, run, trans));
    },
    previewReuse: () => Promise.reject(new Error('A version is fixed.')),
    submit: (
      { parameters = {}, environment, image, resources, publish },
      key
    ) =>
      client.rerun(
        run.id,
        {
          parameters,
          environment,
          image,
          resources,
          publish: publish ?? undefined
        },
        key
      )
  };
}

/** Keep the very image of the run in its environment, also when the catalogue has another under that name now. */
function withImageOfRun(
  placement: Placement,
  { environment, image: imageOfRun }: Run,
  trans: TranslationBundle
): Placement {
  if (placement.environment !== environment) {
    return placement;
  }
  const warning = trans.__(
    'It runs in the very image of the earlier run. The catalogue has another one under this name now.'
  );
  return {
    ...placement,
    images: placement.images.map(image =>
      image.name === imageOfRun?.name && image.digest !== imageOfRun.digest
        ? {
            ...image,
            digest: imageOfRun.digest,
            warnings: [...image.warnings, warning]
          }
        : image
    )
  };
}
