import {
  ILabShell,
  ILayoutRestorer,
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, WidgetTracker } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { stopIcon } from '@jupyterlab/ui-components';

import type { RunSummary } from '../api';
import { viewArea } from '../shared/area';
import { noArgs, runArgs } from '../shared/args';
import { dataOpsIcon, rerunIcon } from '../shared/icons';
import { reportFailure } from '../shared/report';
import { canCancel } from '../shared/runs';
import { SchedulesModel } from '../schedules/listModel';
import { CommandIDs, IDataOps, IRuns } from '../tokens';
import { ApprovalsModel } from './approvalsModel';
import type { RunsListWidget } from './list';
import { RunsModel } from './model';
import { RunsSidebar } from './sidebar';

/** The plugin that gives the runs of the page to all other plugins. */
export const runsModel: JupyterFrontEndPlugin<IRuns> = {
  id: 'dataops-lab:runs-model',
  description: 'Knows what runs, by one event stream for the whole page.',
  autoStart: true,
  requires: [IDataOps],
  provides: IRuns,
  activate: (_: JupyterFrontEnd, dataOps: IDataOps) =>
    new RunsModel(dataOps.client, dataOps.events)
};

export const runs: JupyterFrontEndPlugin<void> = {
  id: 'dataops-lab:runs',
  description: 'The sidebar, the runs table, cancel and rerun.',
  autoStart: true,
  requires: [IDataOps, IRuns],
  optional: [
    ITranslator,
    ICommandPalette,
    ILauncher,
    ILayoutRestorer,
    ILabShell
  ],
  activate: (
    app: JupyterFrontEnd,
    dataOps: IDataOps,
    runs: IRuns,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    launcher: ILauncher | null,
    restorer: ILayoutRestorer | null,
    labShell: ILabShell | null
  ) => {
    const { commands, shell } = app;
    const trans = (translator ?? nullTranslator).load('dataops_lab');
    const tracker = new WidgetTracker<RunsListWidget>({
      namespace: 'dataops-runs-list'
    });
    const executing = (command: string) => (run: RunSummary) =>
      void commands.execute(command, { id: run.id });
    const open = executing(CommandIDs.openRun);
    const idOf = (args: { id?: unknown }) =>
      (args.id as string | undefined) ?? runs.current ?? undefined;

    commands.addCommand(CommandIDs.openRuns, {
      label: args =>
        args.isLauncher ? trans.__('DataOps') : trans.__('Open Runs'),
      caption: trans.__('All runs: what is running, and the records'),
      icon: dataOpsIcon,
      describedBy: noArgs,
      execute: async () => {
        const { createRunsList } = await import('./list');
        let list = tracker.currentWidget;
        if (!list) {
          list = createRunsList(dataOps.client, runs, {
            onOpen: open,
            onCancel: executing(CommandIDs.cancel),
            onRerun: executing(CommandIDs.rerun),
            trans
          });
          void tracker.add(list);
          shell.add(list, viewArea(labShell));
        }
        shell.activateById(list.id);
      }
    });

    commands.addCommand(CommandIDs.cancel, {
      label: trans.__('Cancel'),
      caption: args => {
        const run = runs.get(idOf(args) ?? '');
        return run && !runs.mayChange(run)
          ? trans.__(
              'Only %1 and administrators may cancel it',
              run.created_by.name
            )
          : trans.__('Stop this run');
      },
      icon: stopIcon,
      describedBy: runArgs,
      isEnabled: args => {
        const id = idOf(args);
        const run = id && runs.get(id);
        return Boolean(id && (!run || (canCancel(run) && runs.mayChange(run))));
      },
      execute: args => runs.cancel(idOf(args)!).catch(reportFailure)
    });

    commands.addCommand(CommandIDs.rerun, {
      label: trans.__('Rerun'),
      caption: trans.__('Run the same version again, with the same parameters'),
      icon: rerunIcon,
      describedBy: runArgs,
      isEnabled: args => idOf(args) !== undefined,
      execute: args => runs.rerun(idOf(args)!).then(open, reportFailure)
    });

    const category = trans.__('DataOps');
    for (const command of [
      CommandIDs.openRuns,
      CommandIDs.cancel,
      CommandIDs.rerun
    ]) {
      palette?.addItem({ command, category });
    }
    launcher?.add({
      command: CommandIDs.openRuns,
      args: { isLauncher: true },
      category: trans.__('Other'),
      rank: 1
    });

    const sidebar = new RunsSidebar({
      runs,
      approvals: new ApprovalsModel(dataOps.client, dataOps.events, runs),
      schedules: new SchedulesModel(dataOps.client, dataOps.events, runs),
      onOpen: open,
      onOpenId: id => void commands.execute(CommandIDs.openRun, { id }),
      onOpenAll: () => void commands.execute(CommandIDs.openRuns),
      onOpenSchedule: id =>
        void commands.execute(CommandIDs.openSchedule, { id }),
      onOpenSchedules: () => void commands.execute(CommandIDs.openSchedules),
      onAdministration: () => void commands.execute(CommandIDs.administration),
      trans
    });
    shell.add(sidebar, 'left', { rank: 300, type: 'DataOps' });
    if (restorer) {
      restorer.add(sidebar, sidebar.id);
      void restorer.restore(tracker, {
        command: CommandIDs.openRuns,
        name: () => 'runs'
      });
    }
  }
};
