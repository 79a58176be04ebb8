import type { IFileBrowserFactory } from '@jupyterlab/filebrowser';

import { kindOfPath } from './kinds';

/** Return the paths of the selected files of the file browser that can run as jobs. */
export function runnablePaths(browsers: IFileBrowserFactory | null): string[] {
  const browser = browsers?.tracker.currentWidget;
  return [...(browser?.selectedItems() ?? [])]
    .filter(({ type, path }) => type !== 'directory' && kindOfPath(path))
    .map(({ path }) => path);
}
