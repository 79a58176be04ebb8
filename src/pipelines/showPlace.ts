import type { CodeEditor } from '@jupyterlab/codeeditor';
import type { IDocumentManager } from '@jupyterlab/docmanager';

import type { PipelineProblem } from '../api';

/** The factory of Lab's text editor. */
const TEXT_EDITOR = 'Editor';

/** Open the file in Lab's text editor, with the cursor at the problem. */
export async function showPlace(
  path: string,
  problem: PipelineProblem,
  documents: IDocumentManager
): Promise<void> {
  const widget = documents.openOrReveal(path, TEXT_EDITOR);
  if (!widget) {
    return;
  }
  await widget.context.ready;
  await widget.revealed;
  // Another extension may show the file in something else than Lab's editor.
  const { editor } = widget.content as { editor?: CodeEditor.IEditor };
  if (editor) {
    const position = { line: problem.line - 1, column: problem.column - 1 };
    editor.setCursorPosition(position);
    editor.revealPosition(position);
    editor.focus();
  }
}
