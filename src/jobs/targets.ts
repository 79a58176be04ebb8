import { PathExt } from '@jupyterlab/coreutils';
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import { TranslationBundle } from '@jupyterlab/translation';

import type { Client, Run } from '../api';
import type { IRunTarget } from './model';

/** A notebook of the workspace; `open` finds the document where it is open. */
export function notebookTarget(
  path: string,
  client: Client,
  open: () => DocumentRegistry.Context | undefined,
  trans: TranslationBundle
): IRunTarget {
  return {
    title: PathExt.basename(path),
    rerunOf: null,
    save: async () => {
      const context = open();
      if (!context?.model.dirty) {
        return null;
      }
      try {
        await context.save();
      } catch {
        // Lab has said why; here it matters that it did not happen.
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

/** The version of an earlier run, with other parameters. */
export function rerunTarget(run: Run, client: Client): IRunTarget {
  return {
    title: run.job.name,
    rerunOf: run,
    save: () => Promise.resolve(null),
    inspect: () => Promise.reject(new Error('A version is fixed.')),
    placements: () => Promise.resolve([]),
    submit: ({ parameters }, key) => client.rerun(run.id, parameters ?? {}, key)
  };
}
