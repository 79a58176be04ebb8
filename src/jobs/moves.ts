import { Notification } from '@jupyterlab/apputils';
import type { Contents } from '@jupyterlab/services';
import { TranslationBundle } from '@jupyterlab/translation';

import type { Client, Job } from '../api';
import { reportFailure } from '../shared/report';

type Options = {
  contents: Contents.IManager;
  client: Client;
  trans: TranslationBundle;
};

/** Let jobs follow notebooks and folders that are renamed in JupyterLab, and tell about jobs that lose theirs. */
export function followMoves(options: Options): void {
  const { contents } = options;
  contents.fileChanged.connect((_, { type, oldValue, newValue }) => {
    const path = oldValue?.path;
    if (path === undefined || contents.driveName(path)) {
      return;
    }
    if (type === 'rename' && newValue?.path !== undefined) {
      void moveJobs(path, newValue.path, options).catch(reportFailure);
    } else if (type === 'delete') {
      void reportLostJobs(path, options).catch(reportFailure);
    }
  });
}

async function moveJobs(
  path: string,
  newPath: string,
  { contents, client, trans }: Options
): Promise<void> {
  const localPath = (path: string) => contents.localPath(path);
  const { parted } = await client.jobs.move(
    localPath(path),
    localPath(newPath)
  );
  if (parted.length) {
    Notification.warning(
      trans.__(
        'Not moved: %1. Another job has its notebook at the new path. `jupyter dataops jobs relink` makes two jobs one.',
        joinNames(parted)
      ),
      { autoClose: false }
    );
  }
}

async function reportLostJobs(
  path: string,
  { contents, client, trans }: Options
): Promise<void> {
  const { items } = await client.jobs.findByPath(contents.localPath(path));
  if (items.length) {
    Notification.warning(
      trans._n(
        'The notebook of the job %2 was deleted. Its runs and settings stay.',
        'The notebooks of %1 jobs were deleted: %2. Their runs and settings stay.',
        items.length,
        joinNames(items)
      ),
      { autoClose: false }
    );
  }
}

const MAX_NAMES = 5;

function joinNames(jobs: Job[]): string {
  const names = jobs.slice(0, MAX_NAMES).map(job => job.name);
  return [...names, ...(jobs.length > MAX_NAMES ? ['…'] : [])].join(', ');
}
