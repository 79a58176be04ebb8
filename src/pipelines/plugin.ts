import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { ILauncher } from '@jupyterlab/launcher';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { checkIcon } from '@jupyterlab/ui-components';

import {
  fileArgs,
  importArgs,
  newPipelineArgs,
  noArgs,
  runArgs
} from '../shared/args';
import { pipelineIcon, rerunIcon } from '../shared/icons';
import { kindOfPath } from '../shared/kinds';
import { reportFailure } from '../shared/report';
import { hasParts, isTerminal } from '../shared/runs';
import { runnablePaths } from '../shared/selection';
import { CommandIDs, IDataOps, IRuns } from '../tokens';

const FEWEST_STEPS = 2;

export const pipelines: JupyterFrontEndPlugin<void> = {
  id: 'dataops-lab:pipelines',
  description:
    'Files of pipelines: new and imported ones, and the check of one. Repairs of their runs.',
  autoStart: true,
  requires: [IDataOps, IRuns, IDocumentManager],
  optional: [IFileBrowserFactory, ITranslator, ICommandPalette, ILauncher],
  activate: (
    app: JupyterFrontEnd,
    dataOps: IDataOps,
    runs: IRuns,
    documents: IDocumentManager,
    browsers: IFileBrowserFactory | null,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    launcher: ILauncher | null
  ) => {
    const { commands } = app;
    const { client } = dataOps;
    const { contents } = app.serviceManager;
    const trans = (translator ?? nullTranslator).load('dataops_lab');

    app.docRegistry.addFileType({
      name: 'dataops-pipeline',
      displayName: trans.__('Pipeline'),
      extensions: ['.pipeline.yaml', '.pipeline.yml'],
      mimeTypes: ['text/yaml'],
      icon: pipelineIcon
    });

    const create = async (paths: string[], folder: string) => {
      try {
        const { createPipeline } = await import('./create');
        await createPipeline({
          paths,
          folder,
          client,
          contents,
          open: path => void documents.openOrReveal(path),
          trans
        });
      } catch (reason) {
        reportFailure(reason);
      }
    };
    const browsedFolder = () =>
      browsers?.tracker.currentWidget?.model.path ?? '';

    commands.addCommand(CommandIDs.newPipeline, {
      label: args =>
        args.isLauncher ? trans.__('Pipeline') : trans.__('New Pipeline'),
      caption: trans.__('Create a pipeline: notebooks and scripts in order'),
      icon: pipelineIcon,
      describedBy: newPipelineArgs,
      execute: args =>
        create(
          (args.paths as string[] | undefined) ?? [],
          (args.cwd as string | undefined) ?? browsedFolder()
        )
    });

    const selectedSteps = () =>
      runnablePaths(browsers).filter(path => kindOfPath(path) !== 'pipeline');
    commands.addCommand(CommandIDs.newPipelineOfSelected, {
      label: trans.__('New Pipeline of These'),
      caption: trans.__(
        'Create a pipeline with a step for each selected file; the order is guessed'
      ),
      icon: pipelineIcon,
      describedBy: noArgs,
      isVisible: () => selectedSteps().length >= FEWEST_STEPS,
      execute: () => {
        const paths = selectedSteps();
        return create(paths, PathExt.dirname(paths[0]));
      }
    });

    const elyraPath = (args: { path?: unknown }) => {
      const selected = [
        ...(browsers?.tracker.currentWidget?.selectedItems() ?? [])
      ];
      const path =
        (args.path as string | undefined) ??
        (selected.length === 1 ? selected[0].path : '');
      return path.endsWith('.pipeline') ? path : undefined;
    };
    commands.addCommand(CommandIDs.importElyra, {
      label: trans.__('Import Elyra Pipeline…'),
      caption: trans.__(
        'Make a pipeline of one that was made with Elyra, which stays as it is'
      ),
      icon: pipelineIcon,
      describedBy: importArgs,
      isVisible: args => elyraPath(args) !== undefined,
      execute: async args => {
        const path = elyraPath(args);
        if (path === undefined) {
          return;
        }
        try {
          const { importElyra } = await import('./importElyra');
          await importElyra(path, {
            client,
            contents,
            open: path => void documents.openOrReveal(path),
            trans
          });
        } catch (reason) {
          reportFailure(reason);
        }
      }
    });

    const pathToCheck = (args: { path?: unknown; isSelected?: unknown }) => {
      const current = app.shell.currentWidget;
      const path = current && documents.contextForWidget(current)?.path;
      const candidates = args.isSelected
        ? runnablePaths(browsers)
        : [(args.path as string | undefined) ?? path ?? ''];
      return candidates.find(path => kindOfPath(path) === 'pipeline');
    };
    commands.addCommand(CommandIDs.checkPipeline, {
      label: trans.__('Check Pipeline'),
      caption: trans.__('Find what is wrong with this pipeline before it runs'),
      icon: checkIcon,
      describedBy: fileArgs,
      isEnabled: args => pathToCheck(args) !== undefined,
      execute: async args => {
        const path = pathToCheck(args);
        if (path === undefined) {
          return;
        }
        try {
          const { checkPipeline } = await import('./check');
          await checkPipeline(path, { client, contents, documents, trans });
        } catch (reason) {
          reportFailure(reason);
        }
      }
    });

    const idOf = (args: { id?: unknown }) =>
      (args.id as string | undefined) ?? runs.current ?? undefined;
    commands.addCommand(CommandIDs.repair, {
      label: trans.__('Repair…'),
      caption: trans.__(
        'Run again what did not succeed; results of the other steps are taken over'
      ),
      icon: rerunIcon,
      describedBy: runArgs,
      isEnabled: args => {
        const run = runs.get(idOf(args) ?? '');
        return run === undefined
          ? idOf(args) !== undefined
          : hasParts(run) && isTerminal(run);
      },
      execute: async args => {
        try {
          const { repairRun } = await import('./repair');
          const run = await repairRun(idOf(args)!, client, trans);
          if (run) {
            runs.add(run);
            await commands.execute(CommandIDs.openRun, { id: run.id });
          }
        } catch (reason) {
          reportFailure(reason);
        }
      }
    });

    const category = trans.__('DataOps');
    palette?.addItem({ command: CommandIDs.repair, category });
    palette?.addItem({ command: CommandIDs.newPipeline, category });
    palette?.addItem({ command: CommandIDs.checkPipeline, category });
    launcher?.add({
      command: CommandIDs.newPipeline,
      args: { isLauncher: true },
      category: trans.__('Other'),
      rank: 2
    });
  }
};
