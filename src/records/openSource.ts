import type { IDocumentManager } from '@jupyterlab/docmanager';
import type { INotebookModel, NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';

import type { Client, Run } from '../api';
import { sourcePath } from '../shared/source';
import { failingCell } from '../shared/runs';

/**
 * Open the notebook of a run, at the cell that failed if there is one.
 *
 * `executed` is the notebook that ran. The cell is found by its id, because the executed notebook may have
 * one more cell than its source, and the source may have changed since.
 */
export async function openSource(
  run: Run,
  executed: INotebookModel | null,
  documents: IDocumentManager,
  client: Client,
  trans: TranslationBundle
): Promise<void> {
  const path = await sourcePath(run, client, trans);
  // This fails with a sentence for people when the notebook is no longer there.
  await documents.services.contents.get(path, { content: false });
  const panel = documents.openOrReveal(path) as NotebookPanel | undefined;
  const cell = failingCell(run);
  if (!panel || cell === null || !executed || cell >= executed.cells.length) {
    return;
  }
  await panel.context.ready;
  await panel.revealed;
  const { id } = executed.cells.get(cell);
  const index = panel.content.widgets.findIndex(
    widget => widget.model.id === id
  );
  if (index >= 0) {
    panel.content.activeCellIndex = index;
    await panel.content.scrollToItem(index, 'center');
  }
}
