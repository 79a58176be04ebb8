import { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { IDataOps } from '../tokens';
import { Client } from './client';
import { EventStream } from './events';

export const client: JupyterFrontEndPlugin<IDataOps> = {
  id: 'dataops-lab:client',
  description: 'Talks to the server half of DataOps.',
  autoStart: true,
  provides: IDataOps,
  activate: app => {
    const client = new Client(app.serviceManager.serverSettings);
    return { client, events: new EventStream(client) };
  }
};
