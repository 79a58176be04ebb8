import { Dialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Reproduction, RunPart } from '../api';
import { Choice, ReproductionForm } from './components/ReproductionForm';

/** Show what a reproduction has and lacks, and ask how to open it. Resolve to null when nobody wants it. */
export async function askHowToOpen(
  { step }: RunPart,
  reproduction: Reproduction,
  trans: TranslationBundle
): Promise<Choice | null> {
  let choice: Choice = {
    place: reproduction.image === null ? 'local' : 'image',
    runAbove: true
  };
  const dialog = new Dialog({
    title:
      step === undefined
        ? trans.__('Reproduce this run')
        : trans.__('Open %1 with its inputs', step),
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
