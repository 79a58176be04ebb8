import type { OutputDeclaration } from '../api';

/** The outputs in the form before a run. */
export type OutputsDraft = {
  /** One output on each line: `PATH` or `SOURCE:PATH`; null: as the notebook declares. */
  text: string | null;
  /** The choice of a person; null: as such runs do. */
  publish: boolean | null;
};

export const NO_OUTPUTS: OutputsDraft = { text: null, publish: null };

/** Return the text for declared outputs. Flags that it cannot show are in the notebook alone. */
export function textOf(outputs: readonly OutputDeclaration[]): string {
  return outputs
    .map(({ path, source }) => (source ? `${source}:${path}` : path))
    .join('\n');
}

/** Read the declarations of the draft; undefined when they are those of the notebook. */
export function readDeclarations(
  draft: OutputsDraft,
  declared: readonly OutputDeclaration[]
): OutputDeclaration[] | undefined {
  if (draft.text === null || draft.text === textOf(declared)) {
    return undefined;
  }
  const lines = draft.text.split('\n').map(line => line.trim());
  return lines.filter(Boolean).map(line => {
    const colon = line.lastIndexOf(':');
    const path = line.slice(colon + 1);
    const source = colon < 0 ? '' : line.slice(0, colon);
    const same = declared.find(
      each => each.path === path && each.source === source
    );
    return same ?? { path, source, optional: false, overwrite: false };
  });
}
