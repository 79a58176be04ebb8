import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { bugIcon } from '@jupyterlab/ui-components';

import { reproduceArgs } from '../shared/args';
import { reportFailure } from '../shared/report';
import { hasParts } from '../shared/runs';
import { CommandIDs, IDataOps, IRuns } from '../tokens';

type Args = { id?: unknown; step?: unknown };

export const reproductions: JupyterFrontEndPlugin<void> = {
  id: 'dataops-lab:reproductions',
  description:
    'The notebook of a run, on a kernel with its files and variables.',
  autoStart: true,
  requires: [IDataOps, IRuns, IDocumentManager],
  optional: [ITranslator, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    dataOps: IDataOps,
    runs: IRuns,
    documents: IDocumentManager,
    translator: ITranslator | null,
    palette: ICommandPalette | null
  ) => {
    const { commands, serviceManager } = app;
    const { client } = dataOps;
    const trans = (translator ?? nullTranslator).load('dataops_lab');
    const idOf = (args: Args) =>
      (args.id as string | undefined) ?? runs.current ?? undefined;

    commands.addCommand(CommandIDs.reproduce, {
      label: args =>
        args.step === undefined
          ? trans.__('Reproduce…')
          : trans.__('Open with Its Inputs…'),
      caption: args =>
        args.step === undefined
          ? trans.__(
              'Open it in a folder with the files, parameters and variables of this run'
            )
          : trans.__(
              'Open this step in a folder with its files, parameters and variables'
            ),
      icon: bugIcon,
      describedBy: reproduceArgs,
      isEnabled: args => {
        const id = idOf(args);
        // The steps of a pipeline are reproduced one by one.
        const known = runs.get(id ?? '');
        return (
          id !== undefined &&
          (args.step !== undefined || !known || !hasParts(known))
        );
      },
      execute: async args => {
        try {
          const { reproduce } = await import('./reproduce');
          const step = args.step as string | undefined;
          await reproduce(
            { run: idOf(args)!, ...(step === undefined ? {} : { step }) },
            { client, documents, sessions: serviceManager.sessions, trans }
          );
        } catch (reason) {
          reportFailure(reason);
        }
      }
    });
    palette?.addItem({
      command: CommandIDs.reproduce,
      category: trans.__('DataOps')
    });
  }
};
