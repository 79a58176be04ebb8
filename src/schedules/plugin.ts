import {
  ILabShell,
  ILayoutRestorer,
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, WidgetTracker } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

import type { Submission } from '../api';
import { viewArea } from '../shared/area';
import { newScheduleArgs, noArgs, scheduleArgs } from '../shared/args';
import { scheduleIcon } from '../shared/icons';
import { reportFailure } from '../shared/report';
import { CommandIDs, IDataOps, IRuns } from '../tokens';
import { showMessages } from './messages';
import type { Schedules } from './open';

export const schedules: JupyterFrontEndPlugin<void> = {
  id: 'dataops-lab:schedules',
  description:
    'Schedules: their form, list and pages, and what they missed or is late.',
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
    const { commands } = app;
    const trans = (translator ?? nullTranslator).load('dataops_lab');
    const lists = new WidgetTracker<Widget>({
      namespace: 'dataops-schedules'
    });
    const pages = new WidgetTracker<Widget>({
      namespace: 'dataops-schedule-pages'
    });
    let loaded: Promise<Schedules> | undefined;
    const screens = () =>
      (loaded ??= import('./open').then(
        ({ Schedules }) =>
          new Schedules({
            app,
            area: viewArea(labShell),
            dataOps,
            runs,
            lists,
            pages,
            translator: translator ?? nullTranslator
          })
      ));

    commands.addCommand(CommandIDs.openSchedules, {
      label: trans.__('Schedules'),
      caption: trans.__('All that runs by itself: when, and how it went'),
      icon: scheduleIcon,
      describedBy: noArgs,
      execute: async () => (await screens()).openList()
    });
    commands.addCommand(CommandIDs.openSchedule, {
      label: trans.__('Open Schedule'),
      icon: scheduleIcon,
      describedBy: scheduleArgs,
      isEnabled: args => args.id !== undefined,
      execute: async args =>
        (await screens()).openPage(args.id as string, args.activate !== false)
    });
    commands.addCommand(CommandIDs.editSchedule, {
      label: trans.__('Change Schedule…'),
      icon: scheduleIcon,
      describedBy: scheduleArgs,
      isEnabled: args => args.id !== undefined,
      execute: async args => {
        try {
          const { id, name } = await dataOps.client.schedules.get(
            args.id as string
          );
          (await screens()).openEditor({ id, name });
        } catch (reason) {
          reportFailure(reason);
        }
      }
    });
    commands.addCommand(CommandIDs.schedule, {
      label: trans.__('Schedule…'),
      caption: trans.__('Run this file by itself, when it is time'),
      icon: scheduleIcon,
      describedBy: newScheduleArgs,
      isEnabled: args => args.path !== undefined,
      execute: async args => {
        const path = app.serviceManager.contents.localPath(args.path as string);
        const submission = (args.submission ?? {}) as Partial<Submission>;
        (await screens()).openForm({ ...submission, path });
      }
    });
    palette?.addItem({
      command: CommandIDs.openSchedules,
      category: trans.__('DataOps')
    });
    launcher?.add({
      command: CommandIDs.openSchedules,
      category: trans.__('Other'),
      rank: 2
    });
    if (restorer) {
      void restorer.restore(lists, {
        command: CommandIDs.openSchedules,
        name: () => 'schedules'
      });
      const idOf = (page: Widget) => page.id.replace('dataops-schedule-', '');
      void restorer.restore(pages, {
        command: CommandIDs.openSchedule,
        args: page => ({ id: idOf(page), activate: false }),
        name: idOf
      });
    }
    showMessages({
      messages: dataOps.events.message,
      runs,
      openRun: id => void commands.execute(CommandIDs.openRun, { id }),
      trans
    });
  }
};
