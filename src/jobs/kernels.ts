import type { JobKind, Kernel } from '../api';

/** Tell whether a person may choose the kernel: of a notebook, or for its Python of a script of that. */
export function choosesKernel({
  kind,
  kernel
}: {
  kind: JobKind;
  kernel: Kernel | null;
}): boolean {
  return kind === 'notebook' || kernel?.language === 'python';
}
