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
      void follow(path, newValue.path, options).catch(reportFailure);
    } else if (type === 'delete') {
      void tellOfLoss(path, options).catch(reportFailure);
    }
  });
}

async function follow(
  path: string,
  to: string,
  { contents, client, trans }: Options
): Promise<void> {
  const local = (path: string) => contents.localPath(path);
  const { parted } = await client.jobs.moved(local(path), local(to));
  if (parted.length) {
    Notification.warning(
      trans.__(
        'Not moved: %1. Another job has its notebook at the new path. `jupyter dataops jobs relink` makes two jobs one.',
        named(parted)
      ),
      { autoClose: false }
    );
  }
}

async function tellOfLoss(
  path: string,
  { contents, client, trans }: Options
): Promise<void> {
  const { items } = await client.jobs.at(contents.localPath(path));
  if (items.length) {
    Notification.warning(
      trans._n(
        'The notebook of the job %2 was deleted. Its runs and settings stay.',
        'The notebooks of %1 jobs were deleted: %2. Their runs and settings stay.',
        items.length,
        named(items)
      ),
      { autoClose: false }
    );
  }
}

const NAMED_AT_MOST = 5;

function named(jobs: Job[]): string {
  const names = jobs.slice(0, NAMED_AT_MOST).map(job => job.name);
  return [...names, ...(jobs.length > NAMED_AT_MOST ? ['…'] : [])].join(', ');
}
