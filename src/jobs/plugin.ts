import {
  ILabShell,
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { settingsIcon } from '@jupyterlab/ui-components';

import type { Run } from '../api';
import { viewArea } from '../shared/area';
import { fileArgs, historyArgs, noArgs, runArgs } from '../shared/args';
import { askToSave } from '../shared/documents';
import { pipelineIcon, rerunWithIcon, runAsJobIcon } from '../shared/icons';
import { kindOfPath } from '../shared/kinds';
import { reportFailure } from '../shared/report';
import { leftBehind } from '../shared/runs';
import { runnablePaths } from '../shared/selection';
import { CommandIDs, IDataOps, IRuns } from '../tokens';
import type { Forms } from './forms';
import { followMoves } from './moves';

export const jobs: JupyterFrontEndPlugin<void> = {
  id: 'dataops-lab:jobs',
  description:
    'Run as job: in the notebook toolbar, the file browser, the palette.',
  autoStart: true,
  requires: [IDataOps, IRuns, IDocumentManager],
  optional: [
    INotebookTracker,
    IFileBrowserFactory,
    ITranslator,
    ICommandPalette,
    ILabShell
  ],
  activate: (
    app: JupyterFrontEnd,
    dataOps: IDataOps,
    runs: IRuns,
    documents: IDocumentManager,
    notebooks: INotebookTracker | null,
    browsers: IFileBrowserFactory | null,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    labShell: ILabShell | null
  ) => {
    const { commands } = app;
    const { client } = dataOps;
    const trans = (translator ?? nullTranslator).load('dataops_lab');
    let loaded: Promise<Forms> | undefined;
    const forms = () =>
      (loaded ??= import('./forms').then(
        ({ Forms }) =>
          new Forms({
            app,
            area: viewArea(labShell),
            client,
            events: dataOps.events,
            runs,
            documents,
            trans
          })
      ));

    const { contents } = app.serviceManager;
    followMoves({ contents, client, trans });

    /** Return the open document that can run as a job: the one in front, else the current notebook. */
    const currentDocument = () => {
      const current = app.shell.currentWidget;
      const panels = [current, notebooks?.currentWidget ?? null];
      for (const panel of panels) {
        const path = panel && documents.contextForWidget(panel)?.path;
        if (path && kindOfPath(path)) {
          return { path, id: panel.id };
        }
      }
      return null;
    };
    commands.addCommand(CommandIDs.runAsJob, {
      label: trans.__('Run as Job'),
      caption: trans.__('Run this file as a job, with parameters'),
      icon: runAsJobIcon,
      describedBy: fileArgs,
      isEnabled: args => args.path !== undefined || currentDocument() !== null,
      execute: async args => {
        const current = currentDocument();
        const path = (args.path as string | undefined) ?? current?.path;
        if (path === undefined) {
          return;
        }
        // The form shows the parameters that the file of a pipeline has.
        const isReady =
          kindOfPath(path) !== 'pipeline' ||
          (await askToSave(path, documents, trans));
        if (isReady) {
          const besideId = current?.path === path ? current.id : undefined;
          (await forms()).openForFile(path, besideId);
        }
      }
    });

    const selectedPaths = () => runnablePaths(browsers);
    commands.addCommand(CommandIDs.runSelected, {
      label: () =>
        selectedPaths().every(path => kindOfPath(path) === 'pipeline')
          ? trans.__('Run Pipeline…')
          : trans.__('Run as Job'),
      icon: runAsJobIcon,
      describedBy: noArgs,
      isVisible: () => selectedPaths().length > 0,
      execute: async () => {
        for (const path of selectedPaths()) {
          (await forms()).openForFile(path);
        }
      }
    });

    const idOf = (args: { id?: unknown }) =>
      (args.id as string | undefined) ?? runs.current ?? undefined;
    const withRun =
      (act: (run: Run, forms: Forms) => void | Promise<void>) =>
      async (args: { id?: unknown }) => {
        const id = idOf(args)!;
        try {
          await act(await client.run(id), await forms());
        } catch (reason) {
          reportFailure(reason);
        }
      };
    commands.addCommand(CommandIDs.rerunWith, {
      label: trans.__('Rerun With…'),
      caption: trans.__(
        'Run the same version again, with other parameters or elsewhere'
      ),
      icon: rerunWithIcon,
      describedBy: runArgs,
      isEnabled: args => idOf(args) !== undefined,
      execute: withRun((run, forms) => forms.openForRerun(run))
    });

    commands.addCommand(CommandIDs.takeAlong, {
      label: trans.__('Take It Along and Run Again'),
      caption: trans.__(
        'Have the file that was not found travel with the notebook, and run that as it is now'
      ),
      icon: runAsJobIcon,
      describedBy: runArgs,
      isEnabled: args => {
        const id = idOf(args);
        const run = id ? runs.get(id) : undefined;
        // A summary does not say which file was missing; only the whole run does.
        return id !== undefined && (!run || run.state === 'failed');
      },
      execute: withRun(async (run, forms) => {
        const file = leftBehind(run);
        if (file !== null) {
          await forms.takeAlong(run, file);
        }
      })
    });

    commands.addCommand(CommandIDs.jobSettings, {
      label: trans.__('Job Settings…'),
      caption: trans.__('Name, priority, retries and clocks of its job'),
      icon: settingsIcon,
      describedBy: runArgs,
      isEnabled: args => idOf(args) !== undefined,
      execute: withRun((run, forms) =>
        forms.openJob({ ...run.job, kind: run.kind }, 'settings')
      )
    });

    /** Return the path of a pipeline: the given one, the selected one, or the one in front. */
    const pipelinePath = (args: { path?: unknown; isSelected?: unknown }) => {
      const candidates = args.isSelected
        ? selectedPaths()
        : [(args.path as string | undefined) ?? currentDocument()?.path ?? ''];
      return candidates.find(path => kindOfPath(path) === 'pipeline');
    };
    commands.addCommand(CommandIDs.pipelineHistory, {
      label: trans.__('Pipeline History'),
      caption: trans.__(
        'Its runs beside one another: how each step ended in each of them'
      ),
      icon: pipelineIcon,
      describedBy: historyArgs,
      isEnabled: args => {
        const run = runs.get(idOf(args) ?? '');
        return run?.kind === 'pipeline' || pipelinePath(args) !== undefined;
      },
      execute: async args => {
        const id = args.path || args.isSelected ? undefined : idOf(args);
        try {
          const run = id === undefined ? undefined : await client.run(id);
          const path = pipelinePath(args);
          const job =
            run?.kind === 'pipeline'
              ? { ...run.job, kind: run.kind }
              : path && (await client.jobs.findByPath(path)).items[0];
          if (job) {
            (await forms()).openJob(job, 'runs');
          } else {
            Notification.info(trans.__('This pipeline has not run yet.'));
          }
        } catch (reason) {
          reportFailure(reason);
        }
      }
    });

    const category = trans.__('DataOps');
    for (const command of [
      CommandIDs.runAsJob,
      CommandIDs.rerunWith,
      CommandIDs.takeAlong,
      CommandIDs.jobSettings,
      CommandIDs.pipelineHistory
    ]) {
      palette?.addItem({ command, category });
    }
  }
};
