import type { Inspection } from '../api';

/** Tell whether a person may choose the kernel: of a notebook, or for its Python of a script of that. */
export function choosesKernel({
  kind,
  kernel
}: Pick<Inspection, 'kind' | 'kernel'>): boolean {
  return kind === 'notebook' || kernel?.language === 'python';
}
