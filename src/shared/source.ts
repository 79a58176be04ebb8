import type { TranslationBundle } from '@jupyterlab/translation';

import type { Client, Run } from '../api';

/** Ask for the current path of a run's notebook in the contents API. It may have moved since the run. */
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
