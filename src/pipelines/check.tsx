import { Dialog } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import type { Contents } from '@jupyterlab/services';
import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Client } from '../api';
import { contextOfOpen } from '../shared/documents';
import { reportSuccess } from '../shared/report';
import { Problems } from './components/Problems';
import { showPlace } from './showPlace';

type Context = {
  client: Client;
  contents: Contents.IManager;
  documents: IDocumentManager;
  trans: TranslationBundle;
};

/** Check a pipeline as it is in its editor, else as it is on disk, and show what is wrong with it. */
export async function checkPipeline(
  path: string,
  context: Context
): Promise<void> {
  const { client, contents, documents, trans } = context;
  const model = contextOfOpen(path, documents)?.model;
  const { problems } = await client.pipelines.validate({
    path: contents.localPath(path),
    content: model?.dirty ? model.toString() : undefined
  });
  const name = PathExt.basename(path);
  if (!problems.length) {
    reportSuccess(trans.__('%1 has no problems.', name));
    return;
  }
  const dialog: Dialog<unknown> = new Dialog({
    title: trans._n('%2: %1 problem', '%2: %1 problems', problems.length, name),
    body: (
      <Problems
        problems={problems}
        onShow={problem => {
          dialog.resolve(0);
          void showPlace(path, problem, documents);
        }}
        trans={trans}
      />
    ),
    buttons: [Dialog.okButton({ label: trans.__('Close') })]
  });
  await dialog.launch();
}
