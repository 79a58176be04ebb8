import {
  IRouter,
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';

import { CommandIDs } from '../tokens';
import { linkOf, withoutLink } from './link';

/** Links of messages: they lead to JupyterLab with the run or schedule that it shall open. */
export const links: JupyterFrontEndPlugin<void> = {
  id: 'dataops-lab:links',
  description:
    'Opens the run or schedule that the address of JupyterLab names.',
  autoStart: true,
  optional: [IRouter],
  activate: (app: JupyterFrontEnd, router: IRouter | null) => {
    // The layout is restored later, and changes the address.
    const link = linkOf(window.location.search);
    if (!link) {
      return;
    }
    void app.restored.then(() => {
      // A reload shall not open it once more.
      const { pathname, search, hash } = window.location;
      router?.navigate(`${pathname}${withoutLink(search)}${hash}`, {
        skipRouting: true
      });
      const command =
        link.kind === 'run' ? CommandIDs.openRun : CommandIDs.openSchedule;
      if (app.commands.hasCommand(command)) {
        void app.commands.execute(command, { id: link.id });
      }
    });
  }
};
