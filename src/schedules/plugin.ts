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
    const calendars = new WidgetTracker<Widget>({
      namespace: 'dataops-calendar'
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
            calendars,
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
    commands.addCommand(CommandIDs.openCalendar, {
      label: trans.__('Calendar of Schedules'),
      caption: trans.__('The past and coming starts of all schedules'),
      icon: scheduleIcon,
      describedBy: noArgs,
      execute: async () => (await screens()).openCalendar()
    });
    commands.addCommand(CommandIDs.importSchedules, {
      label: trans.__('Import Schedules of jupyter-scheduler…'),
      icon: scheduleIcon,
      describedBy: noArgs,
      execute: async () => (await screens()).openImport()
    });
    commands.addCommand(CommandIDs.backfill, {
      label: trans.__('Backfill…'),
      caption: trans.__('Run starts of the past now'),
      icon: scheduleIcon,
      describedBy: scheduleArgs,
      isEnabled: args => args.id !== undefined,
      execute: async args => (await screens()).openBackfill(args.id as string)
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
    for (const command of [
      CommandIDs.openSchedules,
      CommandIDs.openCalendar,
      CommandIDs.importSchedules
    ]) {
      palette?.addItem({ command, category: trans.__('DataOps') });
    }
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
      void restorer.restore(calendars, {
        command: CommandIDs.openCalendar,
        name: () => 'calendar'
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
