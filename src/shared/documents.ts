import type { IDocumentManager } from '@jupyterlab/docmanager';
import type { DocumentRegistry } from '@jupyterlab/docregistry';

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
