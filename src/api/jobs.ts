import { Connection, pathOf } from './connection';
import { Job, JobChange, Page } from './types';

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

  /** What is not given stays as it is; null takes a setting back. */
  change(id: string, change: JobChange): Promise<Job> {
    return this._connection.send('PATCH', pathOf('jobs', id), change);
  }
}
