import type { TranslationBundle } from '@jupyterlab/translation';

import type { Client, Run } from '../api';

/** Ask where the notebook of a run is now, as the contents API names it: it may have moved since. */
export async function sourcePath(
  run: Run,
  client: Client,
  trans: TranslationBundle
): Promise<string> {
  const { contents_path: path, source } = await client.jobs.get(run.job.id);
  if (path === null) {
    throw new Error(
      trans.__('%1 lies outside of the root of this server.', source)
    );
  }
  return path;
}
