import type { CodeEditor } from '@jupyterlab/codeeditor';
import type { IDocumentManager } from '@jupyterlab/docmanager';

import type { PipelineProblem } from '../api';

export type TextPlace = Pick<PipelineProblem, 'line' | 'column'>;

/** Open the file in Lab's text editor, with the cursor at the place. */
export async function showPlace(
  path: string,
  place: TextPlace,
  documents: IDocumentManager
): Promise<void> {
  const widget = documents.openOrReveal(path, 'Editor');
  if (!widget) {
    return;
  }
  await widget.context.ready;
  await widget.revealed;
  // Another extension may show the file in something else than Lab's editor.
  const { editor } = widget.content as { editor?: CodeEditor.IEditor };
  if (editor) {
    const position = { line: place.line - 1, column: place.column - 1 };
    editor.setCursorPosition(position);
    editor.revealPosition(position);
    editor.focus();
  }
}
