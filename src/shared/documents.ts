import { Dialog, showDialog } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import { TranslationBundle } from '@jupyterlab/translation';

/** Return the context of a file that is open, whichever editor shows it; the default editor comes first. */
export function contextOfOpen(
  path: string,
  documents: IDocumentManager
): DocumentRegistry.Context | undefined {
  for (const { name } of documents.registry.preferredWidgetFactories(path)) {
    const widget = documents.findWidget(path, name);
    if (widget) {
      return documents.contextForWidget(widget);
    }
  }
  return undefined;
}

/** Save a file that is open and has changes, if the person agrees. Return whether it is saved now. */
export async function askToSave(
  path: string,
  documents: IDocumentManager,
  trans: TranslationBundle
): Promise<boolean> {
  const context = contextOfOpen(path, documents);
  if (!context?.model.dirty) {
    return true;
  }
  const { button } = await showDialog({
    title: trans.__('Save %1?', PathExt.basename(path)),
    body: trans.__('A run takes the file as it was saved last.'),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.okButton({ label: trans.__('Save') })
    ]
  });
  if (button.accept) {
    await context.save();
  }
  return button.accept && !context.model.dirty;
}
