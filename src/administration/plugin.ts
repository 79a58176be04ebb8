import {
  ILabShell,
  ILayoutRestorer,
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, WidgetTracker } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { Debouncer } from '@lumino/polling';

import { viewArea } from '../shared/area';
import { administrationArgs } from '../shared/args';
import { dataOpsIcon } from '../shared/icons';
import { CommandIDs, IDataOps, IRuns } from '../tokens';
import type { AdministrationWidget } from './widget';

/** After this time the server offers the kernels of the changed catalogue. */
const KERNEL_REFRESH_DELAY_MS = 3000;
/** The prefix in the names of those kernels. */
const IMAGE_KERNEL_PREFIX = 'dataops.';

export const administration: JupyterFrontEndPlugin<void> = {
  id: 'dataops-lab:administration',
  description:
    'Environments, images, notifications, retention and audit, for administrators.',
  autoStart: true,
  requires: [IDataOps, IRuns],
  optional: [ITranslator, ICommandPalette, ILayoutRestorer, ILabShell],
  activate: (
    app: JupyterFrontEnd,
    dataOps: IDataOps,
    runs: IRuns,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    labShell: ILabShell | null
  ) => {
    const { commands, shell } = app;
    const { kernelspecs } = app.serviceManager;
    const trans = (translator ?? nullTranslator).load('dataops_lab');
    const tracker = new WidgetTracker<AdministrationWidget>({
      namespace: 'dataops-administration'
    });
    // Without this the kernel picker would show the old kernels.
    const refresh = new Debouncer(
      () => kernelspecs.refreshSpecs(),
      KERNEL_REFRESH_DELAY_MS
    );
    commands.addCommand(CommandIDs.administration, {
      label: trans.__('Administration'),
      caption: trans.__(
        'Environments, images, notifications, retention and audit'
      ),
      icon: dataOpsIcon,
      describedBy: administrationArgs,
      // While it is not known whether this person may administer, the page itself says so.
      isVisible: () => runs.mayAdminister !== false,
      isEnabled: () => runs.mayAdminister !== false,
      execute: async args => {
        const { AdministrationWidget, isPage } = await import('./widget');
        const create = () => {
          const widget = new AdministrationWidget({
            client: dataOps.client,
            runs,
            kernels: () =>
              Object.keys(kernelspecs.specs?.kernelspecs ?? {}).filter(
                name => !name.startsWith(IMAGE_KERNEL_PREFIX)
              ),
            onChanged: () => void refresh.invoke().catch(() => undefined),
            onOpenRun: id => void commands.execute(CommandIDs.openRun, { id }),
            trans
          });
          // The same page is open again after a reload.
          widget.pageChanged.connect(
            changedWidget => void tracker.save(changedWidget)
          );
          void tracker.add(widget);
          shell.add(widget, viewArea(labShell));
          return widget;
        };
        const widget = tracker.currentWidget ?? create();
        if (isPage(args.page)) {
          widget.open(args.page, args.name as string | undefined);
        }
        shell.activateById(widget.id);
      }
    });
    runs.changed.connect(() => commands.notifyCommandChanged());
    palette?.addItem({
      command: CommandIDs.administration,
      category: trans.__('DataOps')
    });
    if (restorer) {
      void restorer.restore(tracker, {
        command: CommandIDs.administration,
        args: widget => ({ page: widget.page }),
        name: () => 'administration'
      });
    }
  }
};
