import { Dialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Reproduction } from '../api';
import { Choice, ReproductionForm } from './components/ReproductionForm';

/** Show what a reproduction has and lacks, and ask how to open it. Resolve to null when nobody wants it. */
export async function askHowToOpen(
  reproduction: Reproduction,
  trans: TranslationBundle
): Promise<Choice | null> {
  let choice: Choice = {
    place: reproduction.image === null ? 'local' : 'image',
    runAbove: true
  };
  const dialog = new Dialog({
    title:
      reproduction.cell === null
        ? trans.__('All that the run found')
        : trans.__('Reproduce the failure'),
    body: (
      <ReproductionForm
        reproduction={reproduction}
        initial={choice}
        onChange={changed => {
          choice = changed;
        }}
        trans={trans}
      />
    ),
    buttons:
      reproduction.path === null
        ? [Dialog.okButton({ label: trans.__('Close') })]
        : [
            Dialog.cancelButton({ label: trans.__('Cancel') }),
            Dialog.okButton({
              label:
                reproduction.kind === 'notebook'
                  ? trans.__('Open Notebook')
                  : trans.__('Open Script')
            })
          ]
  });
  dialog.addClass('dl-ReproductionDialog');
  const { button } = await dialog.launch();
  return button.accept ? choice : null;
}
