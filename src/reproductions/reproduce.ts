import { Notification } from '@jupyterlab/apputils';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import { NotebookActions, type NotebookPanel } from '@jupyterlab/notebook';
import type { Session } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';

import { Problem } from '../api';
import type { Client, Reproduction, RunPart } from '../api';
import type { Choice } from './components/ReproductionForm';
import { askHowToOpen } from './dialog';

export type Tools = {
  client: Client;
  documents: IDocumentManager;
  sessions: Session.IManager;
  trans: TranslationBundle;
};

/** Make the folder of a reproduction, ask how to go on, and open the notebook or script there. */
export async function reproduce(part: RunPart, tools: Tools): Promise<void> {
  const { client, documents, trans } = tools;
  const reproduction = await showProgress(
    trans.__('Collecting the files of the run…'),
    client.reproductions.reproduce(part)
  );
  const choice = await askHowToOpen(part, reproduction, trans);
  if (choice === null || reproduction.path === null) {
    return;
  }
  if (reproduction.kind === 'notebook') {
    await openNotebook(part, reproduction, choice, tools);
  } else {
    documents.openOrReveal(reproduction.path);
  }
}

/** Open the notebook on a new kernel. When its image cannot be had, offer a kernel of this machine. */
async function openNotebook(
  part: RunPart,
  reproduction: Reproduction,
  choice: Choice,
  tools: Tools
): Promise<void> {
  const { client, trans } = tools;
  try {
    const { kernel, path } = await showProgress(
      trans.__('Starting the kernel…'),
      client.reproductions.startKernel(part, reproduction.folder, choice.place)
    );
    const panel = await showNotebook(path, kernel, tools);
    await goToCell(panel, reproduction.cell, choice.runAbove, trans);
  } catch (reason) {
    if (choice.place === 'local') {
      throw reason;
    }
    const here: Choice = { ...choice, place: 'local' };
    Notification.error(Problem.from(reason).message, {
      autoClose: false,
      actions: [
        {
          label: trans.__('Use a kernel of this machine'),
          callback: () =>
            void openNotebook(part, reproduction, here, tools).catch(
              (error: unknown) =>
                void Notification.error(Problem.from(error).message)
            )
        }
      ]
    });
  }
}

/** Open the notebook, or bring it to the front, on this kernel. */
async function showNotebook(
  path: string,
  kernel: string,
  { documents, sessions }: Tools
): Promise<NotebookPanel> {
  // The server knows a kernel that the page does not know yet.
  await sessions.refreshRunning();
  const panel = documents.openOrReveal(path, 'default', {
    id: kernel
  }) as NotebookPanel;
  await panel.context.ready;
  await panel.revealed;
  const { sessionContext } = panel;
  await sessionContext.ready;
  if (sessionContext.session?.kernel?.id !== kernel) {
    await sessionContext.changeKernel({ id: kernel });
  }
  return panel;
}

/** Select the cell that failed, after the cells above it have run if that is wanted. */
async function goToCell(
  panel: NotebookPanel,
  cell: number | null,
  runAbove: boolean,
  trans: TranslationBundle
): Promise<void> {
  const { content: notebook, sessionContext } = panel;
  if (cell === null || cell >= notebook.widgets.length) {
    return;
  }
  notebook.activeCellIndex = cell;
  await notebook.scrollToItem(cell, 'center');
  if (!runAbove || cell === 0) {
    return;
  }
  if (await NotebookActions.runAllAbove(notebook, sessionContext)) {
    notebook.activeCellIndex = cell;
    await notebook.scrollToItem(cell, 'center');
  } else {
    Notification.warning(
      trans.__(
        'A cell above the one that failed in the run fails here. Something outside of the folder may differ.'
      ),
      { autoClose: 10_000 }
    );
  }
}

/** Say what is being done until `work` has ended. */
async function showProgress<T>(message: string, work: Promise<T>): Promise<T> {
  const id = Notification.emit(message, 'in-progress', { autoClose: false });
  try {
    return await work;
  } finally {
    Notification.dismiss(id);
  }
}
