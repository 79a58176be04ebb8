import type { ILabShell } from '@jupyterlab/application';

/**
 * Return the area for records, forms and lists. In JupyterLab it is the main area. Notebook 7, which has no
 * `ILabShell`, shows one document there, so they go into its right panel.
 */
export function viewArea(labShell: ILabShell | null): 'main' | 'right' {
  return labShell ? 'main' : 'right';
}
