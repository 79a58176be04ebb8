import { Connection, pathOf } from './connection';
import { Job, JobChange, Moved, Page } from './types';

/** Jobs and their settings. */
export class JobsClient {
  constructor(private readonly _connection: Connection) {}

  get(id: string): Promise<Job> {
    return this._connection.get(pathOf('jobs', id));
  }

  page(query: {
    q?: string;
    limit?: number;
    cursor?: string;
  }): Promise<Page<Job>> {
    return this._connection.get('jobs', query);
  }

  /** The jobs of the notebook at a path, as the contents API names it, or of those below a folder. */
  at(path: string): Promise<Page<Job>> {
    return this._connection.get('jobs', { path });
  }

  /** Have jobs follow their notebooks: `path` of a notebook or folder was changed to `to`. Safe to repeat. */
  moved(path: string, to: string): Promise<Moved> {
    return this._connection.send('POST', pathOf('jobs', 'moves'), { path, to });
  }

  /** Say that the job is that of the notebook at `path`, which was moved. */
  relink(id: string, path: string): Promise<Job> {
    return this._connection.send('POST', pathOf('jobs', id, 'relink'), {
      path
    });
  }

  /** What is not given stays as it is; null takes a setting back. */
  change(id: string, change: JobChange): Promise<Job> {
    return this._connection.send('PATCH', pathOf('jobs', id), change);
  }
}
