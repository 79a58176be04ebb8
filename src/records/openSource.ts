import type { IDocumentManager } from '@jupyterlab/docmanager';
import type { INotebookModel, NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';

import type { Client, Run } from '../api';
import { sourcePath } from '../shared/source';
import { failingCell } from '../shared/runs';

/**
 * Open the notebook that a run was made of, at the cell that failed, if one did.
 *
 * `executed` is the notebook that ran: cells are found again by their id, because it may have a
 * cell more than its source, and the source may have changed since.
 */
export async function openSource(
  run: Run,
  executed: INotebookModel | null,
  documents: IDocumentManager,
  client: Client,
  trans: TranslationBundle
): Promise<void> {
  const path = await sourcePath(run, client, trans);
  // Fails, with a sentence for people, where the notebook is no longer there.
  await documents.services.contents.get(path, { content: false });
  const panel = documents.openOrReveal(path) as NotebookPanel | undefined;
  const cell = failingCell(run);
  if (!panel || cell === null || !executed || cell >= executed.cells.length) {
    return;
  }
  await panel.context.ready;
  await panel.revealed;
  const { id } = executed.cells.get(cell);
  const index = panel.content.widgets.findIndex(it => it.model.id === id);
  if (index >= 0) {
    panel.content.activeCellIndex = index;
    await panel.content.scrollToItem(index, 'center');
  }
}
