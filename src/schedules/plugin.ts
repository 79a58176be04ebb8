import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { CommandIDs, IDataOps, IRuns } from '../tokens';
import { showMessages } from './messages';

export const schedules: JupyterFrontEndPlugin<void> = {
  id: 'dataops-lab:schedules',
  description: 'Tells what schedules missed, and what failed or is late.',
  autoStart: true,
  requires: [IDataOps, IRuns],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    dataOps: IDataOps,
    runs: IRuns,
    translator: ITranslator | null
  ) =>
    showMessages({
      messages: dataOps.events.message,
      runs,
      openRun: id => void app.commands.execute(CommandIDs.openRun, { id }),
      trans: (translator ?? nullTranslator).load('dataops_lab')
    })
};
