import { URLExt } from '@jupyterlab/coreutils';
import type * as nbformat from '@jupyterlab/nbformat';
import { ServerConnection } from '@jupyterlab/services';

import { Problem } from './problem';
import {
  Inspection,
  JournalPage,
  Page,
  Parameters,
  Run,
  Status,
  Submission
} from './types';

export type RunQuery = {
  state?: string[];
  job?: string;
  q?: string;
  limit?: number;
  cursor?: string;
};

/** The REST API, one method per route. What is refused or fails throws a `Problem`. */
export class Client {
  constructor(
    readonly settings: ServerConnection.ISettings = ServerConnection.makeSettings()
  ) {}

  status(): Promise<Status> {
    return this._json('status');
  }

  /** `path` names the notebook as the contents API does. */
  inspect(path: string, kernel?: string): Promise<Inspection> {
    return this._json('inspect', post({ path, kernel: kernel ?? null }));
  }

  /** The same `key` again answers with the run that the first call made. */
  submit(submission: Submission, key: string): Promise<Run> {
    return this._json('runs', post(submission, { 'Idempotency-Key': key }));
  }

  runs(query: RunQuery = {}): Promise<Page<Run>> {
    const { state, ...rest } = query;
    return this._json('runs', {}, { ...rest, state: state?.join(',') });
  }

  run(id: string): Promise<Run> {
    return this._json(runPath(id));
  }

  cancel(id: string): Promise<Run> {
    return this._json(runPath(id, 'cancel'), post({}));
  }

  /** The same version again; `parameters` replaces all of the earlier run's. */
  rerun(id: string, parameters: Parameters | null, key: string): Promise<Run> {
    const headers = { 'Idempotency-Key': key };
    return this._json(runPath(id, 'rerun'), post({ parameters }, headers));
  }

  /** Executed once the record is stored; before that, filled in and without outputs. */
  notebook(id: string): Promise<nbformat.INotebookContent> {
    return this._json(runPath(id, 'notebook'));
  }

  journal(id: string, after: number): Promise<JournalPage> {
    return this._json(runPath(id, 'journal'), {}, { after });
  }

  /** The log from byte `from` on; `whole` when the server sent all of it instead. */
  async log(
    id: string,
    from: number
  ): Promise<{ bytes: Uint8Array; whole: boolean }> {
    const headers = from ? { Range: `bytes=${from}-` } : undefined;
    const response = await this.request(runPath(id, 'log'), { headers });
    if (response.status === 416) {
      return { bytes: new Uint8Array(), whole: false };
    }
    await refuse(response);
    const bytes = new Uint8Array(await response.arrayBuffer());
    return { bytes, whole: response.status !== 206 };
  }

  async artifact(id: string, path: string): Promise<Blob> {
    const response = await this.request(artifactPath(id, path));
    await refuse(response);
    return response.blob();
  }

  reportUrl(id: string, code: boolean): string {
    return `${this.url(runPath(id, 'report'))}?code=${code ? 1 : 0}`;
  }

  artifactUrl(id: string, path: string): string {
    return this.url(artifactPath(id, path));
  }

  recordUrl(id: string): string {
    return this.url(runPath(id, 'record'));
  }

  url(path: string): string {
    return URLExt.join(this.settings.baseUrl, 'dataops/api/v1', path);
  }

  /** An authenticated request; the answer may be a refusal. */
  request(path: string, init: RequestInit = {}): Promise<Response> {
    return ServerConnection.makeRequest(
      this.url(path),
      // With 'no-store' Lab adds a parameter without a name, and the API refuses unknown ones.
      { cache: 'no-cache', ...init },
      this.settings
    );
  }

  private async _json<T>(
    path: string,
    init: RequestInit = {},
    query: Record<string, string | number | undefined> = {}
  ): Promise<T> {
    const given = Object.entries(query).filter(
      ([, value]) => value !== undefined && value !== ''
    );
    const search = new URLSearchParams(
      given.map(([name, value]) => [name, String(value)])
    ).toString();
    let response: Response;
    try {
      response = await this.request(search ? `${path}?${search}` : path, init);
    } catch (reason) {
      throw Problem.from(reason);
    }
    await refuse(response);
    return (await response.json()) as T;
  }
}

function runPath(id: string, part?: string): string {
  const path = `runs/${encodeURIComponent(id)}`;
  return part ? `${path}/${part}` : path;
}

function artifactPath(id: string, path: string): string {
  return `${runPath(id, 'artifacts')}/${URLExt.encodeParts(path)}`;
}

function post(
  body: unknown,
  headers: Record<string, string> = {}
): RequestInit {
  return {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'Content-Type': 'application/json', ...headers }
  };
}

async function refuse(response: Response): Promise<void> {
  if (!response.ok) {
    throw await Problem.of(response);
  }
}
