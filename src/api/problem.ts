import { ServerConnection } from '@jupyterlab/services';

import { ProblemBody } from './types';

/** A code that the page itself gives, beside the codes of the server. */
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

  /** The sentences by the name of a given value, where the server names one. */
  get parameters(): { [name: string]: string } {
    const found: { [name: string]: string } = {};
    const problems = this.extra.problems;
    for (const problem of Array.isArray(problems) ? problems : []) {
      // A problem without a name is left out: the sentence for the whole refusal says the same.
      const { name, message } = Object(problem);
      if (typeof name === 'string') {
        found[name] = message;
      }
    }
    return found;
  }

  /** Make the problem of an answer that is not a success. */
  static async fromResponse(response: Response): Promise<Problem> {
    const kind = response.headers.get('Content-Type') ?? '';
    if (kind.includes('application/problem+json')) {
      return new Problem((await response.json()) as ProblemBody);
    }
    // Our own routes always answer with a problem; another answer does not come from them.
    return new Problem({
      code: response.status === 404 ? MISSING : 'error',
      status: response.status,
      detail: `${response.status} ${response.statusText}`.trim()
    });
  }

  /** Turn anything that was thrown into a problem. */
  static from(reason: unknown): Problem {
    if (reason instanceof Problem) {
      return reason;
    }
    const detail = reason instanceof Error ? reason.message : String(reason);
    const unreachable = reason instanceof ServerConnection.NetworkError;
    return new Problem({ code: unreachable ? UNREACHABLE : 'error', detail });
  }
}
