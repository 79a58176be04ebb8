import { Notification } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import { TranslationBundle } from '@jupyterlab/translation';

import type { Client, Placement, Run } from '../api';
import type { IRunTarget } from './model';

/** Make the target for a notebook of the workspace. `open` finds its document when it is open. */
export function notebookTarget(
  path: string,
  client: Client,
  open: () => DocumentRegistry.Context | undefined,
  trans: TranslationBundle,
  like: Run | null = null
): IRunTarget {
  return {
    title: PathExt.basename(path),
    rerunOf: null,
    like,
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
      const context = open();
      if (!context?.model.dirty) {
        return null;
      }
      try {
        await context.save();
      } catch {
        // Lab has said why. Below the form tells that the notebook was not saved.
      }
      return context.model.dirty
        ? trans.__('The notebook could not be saved.')
        : null;
    },
    inspect: where => client.inspect({ path, ...where }),
    placements: kernel =>
      client.environments.placements(kernel?.name, kernel?.language),
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
    rerunOf: run,
    like: null,
    takeAlong: () => Promise.reject(new Error('A version is fixed.')),
    relink: () => Promise.reject(new Error('A version is fixed.')),
    save: () => Promise.resolve(null),
    inspect: () => Promise.reject(new Error('A version is fixed.')),
    placements: async kernel => {
      const found = await client.environments.placements(
        kernel?.name,
        kernel?.language
      );
      return found.map(placement => asItRan(placement, run, trans));
    },
    submit: ({ parameters = {}, environment, image, resources }, key) =>
      client.rerun(run.id, { parameters, environment, image, resources }, key)
  };
}

/** Keep the very image of the run in its environment, also when the catalogue has another under that name now. */
function asItRan(
  placement: Placement,
  { environment, image: ran }: Run,
  trans: TranslationBundle
): Placement {
  if (placement.environment !== environment) {
    return placement;
  }
  const moved = trans.__(
    'It runs in the very image of the earlier run. The catalogue has another one under this name now.'
  );
  return {
    ...placement,
    images: placement.images.map(image =>
      image.name === ran?.name && image.digest !== ran.digest
        ? { ...image, digest: ran.digest, warnings: [...image.warnings, moved] }
        : image
    )
  };
}
