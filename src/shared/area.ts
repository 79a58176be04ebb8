import type { ILabShell } from '@jupyterlab/application';

/**
 * Where records, forms and lists go: the main area of JupyterLab. Notebook 7, which has no
 * `ILabShell`, shows one document there; what belongs beside it is put into its right panel.
 */
export function viewArea(labShell: ILabShell | null): 'main' | 'right' {
  return labShell ? 'main' : 'right';
}
