import { URLExt } from '@jupyterlab/coreutils';
import type * as nbformat from '@jupyterlab/nbformat';

import { AuditClient } from './audit';
import { Connection, pathOf } from './connection';
import { EnvironmentsClient } from './environments';
import { ImagesClient } from './images';
import { JobsClient } from './jobs';
import { NotificationsClient } from './notifications';
import { PipelinesClient } from './pipelines';
import { Problem } from './problem';
import { ReproductionsClient } from './reproductions';
import { RetentionClient } from './retention';
import { SchedulesClient } from './schedules';
import { TargetsClient } from './targets';
import {
  Comparison,
  InspectRequest,
  Inspection,
  JournalPage,
  Outputs,
  Page,
  RerunRequest,
  Run,
  RunInputs,
  RunSummary,
  Status,
  Submission,
  TakenAlong,
  Verification
} from './types';

export type RunQuery = {
  state?: string[];
  job?: string;
  q?: string;
  /** The pipeline run whose steps' runs are listed; without it only runs of their own are. */
  parent?: string;
  step?: string;
  limit?: number;
  cursor?: string;
};

/** The REST API, one method per route. A refusal or failure throws a `Problem`. */
export class Client extends Connection {
  readonly audit = new AuditClient(this);
  readonly environments = new EnvironmentsClient(this);
  readonly images = new ImagesClient(this);
  readonly jobs = new JobsClient(this);
  readonly notifications = new NotificationsClient(this);
  readonly pipelines = new PipelinesClient(this);
  readonly reproductions = new ReproductionsClient(this);
  readonly retention = new RetentionClient(this);
  readonly schedules = new SchedulesClient(this);
  readonly targets = new TargetsClient(this);

  status(): Promise<Status> {
    return this.get('status');
  }

  /** Check a notebook. `path` names it as the contents API does; the other fields say where it would run. */
  inspect(inspection: InspectRequest): Promise<Inspection> {
    return this.send('POST', 'inspect', inspection);
  }

  /** Let `file`, a path from the notebook's folder, travel from now on. It is safe to repeat. */
  takeAlong(path: string, file: string): Promise<TakenAlong> {
    return this.send('POST', 'included-files', { path, file });
  }

  /** Submit a run. A second call with the same `key` returns the run that the first call made. */
  submit(submission: Submission, key: string): Promise<Run> {
    return this.send('POST', 'runs', submission, { 'Idempotency-Key': key });
  }

  runs(query: RunQuery = {}): Promise<Page<RunSummary>> {
    const { state, ...rest } = query;
    return this.get('runs', { ...rest, state: state?.join(',') });
  }

  run(id: string): Promise<Run> {
    return this.get(pathOf('runs', id));
  }

  /** List the files that the run found beside its notebook. */
  inputs(id: string): Promise<RunInputs> {
    return this.get(pathOf('runs', id, 'inputs'));
  }

  /** Compare a run that has ended with the last success of its job in its environment before it. */
  comparison(id: string): Promise<Comparison> {
    return this.get(pathOf('runs', id, 'comparison'));
  }

  cancel(id: string): Promise<Run> {
    return this.send('POST', pathOf('runs', id, 'cancel'), {});
  }

  /** Delete a run with its record, for good. */
  delete(id: string): Promise<void> {
    return this.send('DELETE', pathOf('runs', id));
  }

  /** Keep a run, or stop keeping it. No person and no rule deletes a run that is kept. */
  keep(id: string, kept: boolean): Promise<Run> {
    return this.send(kept ? 'PUT' : 'DELETE', pathOf('runs', id, 'hold'));
  }

  /** Read every byte of a record again. The run then tells which files are damaged. */
  verify(id: string): Promise<Verification> {
    return this.send('POST', pathOf('runs', id, 'verify'), {});
  }

  /** Run the same version again, in the same place unless `request` asks for another. */
  rerun(id: string, request: RerunRequest, key: string): Promise<Run> {
    const headers = { 'Idempotency-Key': key };
    return this.send('POST', pathOf('runs', id, 'rerun'), request, headers);
  }

  /** Read the executed notebook; until the record is stored, the filled-in one without outputs. */
  notebook(id: string): Promise<nbformat.INotebookContent> {
    return this.get(pathOf('runs', id, 'notebook'));
  }

  journal(id: string, after: number): Promise<JournalPage> {
    return this.get(pathOf('runs', id, 'journal'), { after });
  }

  /**
   * Read the log from byte `from` on, or its last `-from` bytes when `from` is negative.
   *
   * `from` of the answer says where the bytes really begin. When the log is shorter than `from`, as that of
   * a later attempt may be, the answer has no bytes and its `from` is 0.
   */
  async log(
    id: string,
    from: number
  ): Promise<{ bytes: Uint8Array; from: number }> {
    const headers = { Range: from < 0 ? `bytes=${from}` : `bytes=${from}-` };
    const response = await this.request(pathOf('runs', id, 'log'), { headers });
    const range = response.headers.get('Content-Range') ?? '';
    if (response.status === 416) {
      const size = Number(/\/(\d+)$/.exec(range)?.[1] ?? 0);
      return { bytes: new Uint8Array(), from: size < from ? 0 : size };
    }
    if (!response.ok) {
      throw await Problem.fromResponse(response);
    }
    const bytes = new Uint8Array(await response.arrayBuffer());
    return { bytes, from: Number(/^bytes (\d+)-/.exec(range)?.[1] ?? 0) };
  }

  /** Return the outputs that a run declares, with what became of each. */
  outputs(id: string): Promise<Outputs> {
    return this.get(pathOf('runs', id, 'outputs'));
  }

  /** Publish the outputs of a run that succeeded, with `overwrite` also over files that no run published. */
  publish(id: string, overwrite: boolean): Promise<Outputs> {
    return this.send('POST', pathOf('runs', id, 'publish'), { overwrite });
  }

  outputUrl(id: string, path: string): string {
    return this.url(
      `${pathOf('runs', id, 'outputs')}/${URLExt.encodeParts(path)}`
    );
  }

  async artifact(id: string, path: string): Promise<Blob> {
    return (await this.fetch(artifactPath(id, path))).blob();
  }

  reportUrl(id: string, code: boolean): string {
    return `${this.url(pathOf('runs', id, 'report'))}?code=${code ? 1 : 0}`;
  }

  artifactUrl(id: string, path: string): string {
    return this.url(artifactPath(id, path));
  }

  recordUrl(id: string): string {
    return this.url(pathOf('runs', id, 'record'));
  }
}

function artifactPath(id: string, path: string): string {
  return `${pathOf('runs', id, 'artifacts')}/${URLExt.encodeParts(path)}`;
}
