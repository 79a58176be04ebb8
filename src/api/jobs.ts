import { Connection, pathOf } from './connection';
import { Job, JobChange, MovedJobs, Page } from './types';

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

  /** List the jobs of the notebook at a path of the contents API, or of the notebooks below a folder. */
  findByPath(path: string): Promise<Page<Job>> {
    return this._connection.get('jobs', { path });
  }

  /** Let jobs follow a notebook or folder that moved from `path` to `newPath`. It is safe to repeat. */
  move(path: string, newPath: string): Promise<MovedJobs> {
    return this._connection.send('POST', pathOf('jobs', 'moves'), {
      path,
      to: newPath
    });
  }

  /** Tell the server that this job belongs to the notebook at `path`, which was moved. */
  relink(id: string, path: string): Promise<Job> {
    return this._connection.send('POST', pathOf('jobs', id, 'relink'), {
      path
    });
  }

  /** Change a job. A field that is not given stays as it is; null takes a setting back. */
  change(id: string, change: JobChange): Promise<Job> {
    return this._connection.send('PATCH', pathOf('jobs', id), change);
  }
}
