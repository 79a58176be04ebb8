import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import { Problem } from './problem';

type Query = Record<string, string | number | undefined>;

/** Requests to the API. A refusal or failure throws a `Problem`. */
export class Connection {
  constructor(
    readonly settings: ServerConnection.ISettings = ServerConnection.makeSettings()
  ) {}

  url(path: string): string {
    return URLExt.join(this.settings.baseUrl, 'dataops/api/v1', path);
  }

  /** Send an authenticated request. The answer may be a refusal. */
  request(path: string, init: RequestInit = {}): Promise<Response> {
    return ServerConnection.makeRequest(
      this.url(path),
      // With 'no-store' Lab adds a parameter without a name, and the API refuses unknown ones.
      { cache: 'no-cache', ...init },
      this.settings
    );
  }

  /** Send an authenticated request. A refusal or failure throws a `Problem`. */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    let response: Response;
    try {
      response = await this.request(path, init);
    } catch (reason) {
      throw Problem.from(reason);
    }
    if (!response.ok) {
      throw await Problem.fromResponse(response);
    }
    return response;
  }

  async get<T>(path: string, query: Query = {}): Promise<T> {
    const given = Object.entries(query).filter(
      ([, value]) => value !== undefined && value !== ''
    );
    const search = new URLSearchParams(
      given.map(([name, value]) => [name, String(value)])
    ).toString();
    const response = await this.fetch(search ? `${path}?${search}` : path);
    return (await response.json()) as T;
  }

  /** Send a POST, PUT, PATCH or DELETE. Return undefined when the server answers without content. */
  async send<T>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {}
  ): Promise<T> {
    const response = await this.fetch(path, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body) }),
      headers: { 'Content-Type': 'application/json', ...headers }
    });
    return (response.status === 204 ? undefined : await response.json()) as T;
  }
}

/** Join the parts of a path of the API; each part is escaped. */
export function pathOf(...parts: string[]): string {
  return parts.map(encodeURIComponent).join('/');
}
