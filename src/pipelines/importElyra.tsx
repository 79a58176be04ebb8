import { Dialog } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import type { Contents } from '@jupyterlab/services';
import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Client } from '../api';
import { ImportReport } from './components/ImportReport';
import { freePath } from './create';

/**
 * Show what an import of a pipeline of Elyra carries over, save it beside under a name that is free, and open it.
 *
 * Nothing is saved when nobody wants it.
 */
export async function importElyra(
  path: string,
  context: {
    client: Client;
    contents: Contents.IManager;
    open: (path: string) => void;
    trans: TranslationBundle;
  }
): Promise<void> {
  const { client, contents, open, trans } = context;
  const imported = await client.pipelines.importElyra(contents.localPath(path));
  const target = await freePath(PathExt.dirname(path), imported.name, contents);
  const dialog = new Dialog({
    title: trans.__('Import %1', PathExt.basename(path)),
    body: <ImportReport notes={imported.notes} trans={trans} />,
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.okButton({
        label: trans.__('Save as %1', PathExt.basename(target))
      })
    ]
  });
  dialog.addClass('dl-ImportDialog');
  const { button } = await dialog.launch();
  if (!button.accept) {
    return;
  }
  await contents.save(target, {
    type: 'file',
    format: 'text',
    content: imported.content
  });
  open(target);
}
