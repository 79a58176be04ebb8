import { Dialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { UUID } from '@lumino/coreutils';
import React from 'react';

import type { Client, Run } from '../api';
import { RepairForm } from './components/RepairForm';
import { RepairModel } from './repairModel';

/** Ask what shall run again of a pipeline run, and repair it. Return the new run; null when nobody wanted it. */
export async function repairRun(
  run: string,
  client: Client,
  trans: TranslationBundle
): Promise<Run | null> {
  const [old, steps] = await Promise.all([
    client.run(run),
    client.pipelines.steps(run)
  ]);
  const model = new RepairModel(client, old, trans);
  const dialog = new Dialog({
    title: trans.__('Repair this run'),
    body: <RepairForm model={model} steps={steps} trans={trans} />,
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.okButton({ label: trans.__('Repair') })
    ]
  });
  dialog.addClass('dl-RepairDialog');
  const accept = dialog.node.querySelector<HTMLButtonElement>('.jp-mod-accept');
  model.changed.connect(() => {
    // A repair that was refused, or of which nobody knows yet what it does, cannot be started.
    accept!.disabled = model.state.preview === null;
  });
  void model.choose({});
  const { button } = await dialog.launch();
  model.dispose();
  return button.accept
    ? client.pipelines.repair(run, model.request, UUID.uuid4())
    : null;
}
