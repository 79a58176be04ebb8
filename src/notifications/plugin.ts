import {
  ILabShell,
  ILayoutRestorer,
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, WidgetTracker } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { bellIcon } from '@jupyterlab/ui-components';
import { Widget } from '@lumino/widgets';

import { viewArea } from '../shared/area';
import { noArgs } from '../shared/args';
import { CommandIDs, IDataOps } from '../tokens';

export const notifications: JupyterFrontEndPlugin<void> = {
  id: 'dataops-lab:notifications',
  description: 'The address, quiet hours and subscriptions of this person.',
  autoStart: true,
  requires: [IDataOps],
  optional: [ITranslator, ICommandPalette, ILayoutRestorer, ILabShell],
  activate: (
    app: JupyterFrontEnd,
    dataOps: IDataOps,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    labShell: ILabShell | null
  ) => {
    const { commands, shell } = app;
    const trans = (translator ?? nullTranslator).load('dataops_lab');
    const tracker = new WidgetTracker<Widget>({
      namespace: 'dataops-my-notifications'
    });
    commands.addCommand(CommandIDs.myNotifications, {
      label: trans.__('My Notifications'),
      caption: trans.__('Your address, quiet hours and subscriptions'),
      icon: bellIcon,
      describedBy: noArgs,
      execute: async () => {
        let widget = tracker.find(() => true);
        if (!widget) {
          const [{ MyNotificationsWidget }, { MySettingsModel }] =
            await Promise.all([import('./screen'), import('./settingsModel')]);
          widget = new MyNotificationsWidget({
            model: new MySettingsModel(dataOps.client),
            trans
          });
          void tracker.add(widget);
          shell.add(widget, viewArea(labShell));
        }
        shell.activateById(widget.id);
      }
    });
    palette?.addItem({
      command: CommandIDs.myNotifications,
      category: trans.__('DataOps')
    });
    if (restorer) {
      void restorer.restore(tracker, {
        command: CommandIDs.myNotifications,
        name: () => 'my-notifications'
      });
    }
  }
};
