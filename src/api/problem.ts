import { ServerConnection } from '@jupyterlab/services';

import { ProblemBody } from './types';

/** What the page itself finds out, beside the codes of the server. */
export const UNREACHABLE = 'unreachable';
export const MISSING = 'server_extension_missing';

/** A refusal or failure with a stable code and a sentence for people. */
export class Problem extends Error {
  readonly code: string;
  readonly status: number;
  readonly extra: ProblemBody['extra'];

  constructor(body: Partial<ProblemBody> & { detail: string }) {
    super(body.detail);
    this.name = 'Problem';
    this.code = body.code ?? 'error';
    this.status = body.status ?? 0;
    this.extra = body.extra ?? {};
  }

  /** Problems by name of what was given, where the server says them so. */
  get parameters(): { [name: string]: string } {
    const found: { [name: string]: string } = {};
    const problems = this.extra.problems;
    for (const problem of Array.isArray(problems) ? problems : []) {
      // Where there is no name, the sentence for all of it says the same.
      const { name, message } = Object(problem);
      if (typeof name === 'string') {
        found[name] = message;
      }
    }
    return found;
  }

  /** The problem that an answer which is not a success tells of. */
  static async of(response: Response): Promise<Problem> {
    const kind = response.headers.get('Content-Type') ?? '';
    if (kind.includes('application/problem+json')) {
      return new Problem((await response.json()) as ProblemBody);
    }
    // Our own routes always answer with a problem; anything else is not them.
    return new Problem({
      code: response.status === 404 ? MISSING : 'error',
      status: response.status,
      detail: `${response.status} ${response.statusText}`.trim()
    });
  }

  /** Whatever was thrown, as a problem. */
  static from(reason: unknown): Problem {
    if (reason instanceof Problem) {
      return reason;
    }
    const detail = reason instanceof Error ? reason.message : String(reason);
    const unreachable = reason instanceof ServerConnection.NetworkError;
    return new Problem({ code: unreachable ? UNREACHABLE : 'error', detail });
  }
}
