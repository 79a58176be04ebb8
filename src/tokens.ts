import { Token } from '@lumino/coreutils';
import { ISignal } from '@lumino/signaling';

import type {
  Actor,
  Client,
  EventStream,
  Problem,
  Run,
  RunSummary
} from './api';

/** The connection to the server half: its API, and the one event stream of the page. */
export interface IDataOps {
  readonly client: Client;
  readonly events: EventStream;
}

export const IDataOps = new Token<IDataOps>(
  'dataops-lab:IDataOps',
  'The REST client and the event stream of DataOps.'
);

/** The runs this page knows, kept up to date by the event stream. */
export interface IRuns {
  /** Newest first: what is not finished, and the last ones that are. */
  readonly active: readonly RunSummary[];
  readonly recent: readonly RunSummary[];
  /** Why nothing works at the moment, if so. */
  readonly trouble: Problem | null;
  /** A queued run waits because no engine leads. */
  readonly engineMissing: boolean;
  readonly connected: boolean;
  readonly changed: ISignal<IRuns, void>;
  /** One run that this page saw is new or has changed. */
  readonly runChanged: ISignal<IRuns, RunSummary>;

  /** The run of this id was deleted. */
  readonly runDeleted: ISignal<IRuns, string>;
  /** Whether this person may change environments and images; null while that is not known. */
  readonly mayAdminister: boolean | null;

  /** The run whose record is in front, for commands that are not told which run they are about. */
  current: string | null;

  get(id: string): RunSummary | undefined;
  /** The run of an answer, or what is known of it when a later answer, or an event, has overtaken that. */
  newest(run: RunSummary): RunSummary;
  /** Whether the person on this page submitted it. */
  isMine(run: RunSummary): boolean;
  /** Whether this person may cancel, keep, delete or change this run or job: its owner, or an administrator. */
  mayChange(it: { created_by: Actor }): boolean;
  /** Load and follow; does nothing when already done. */
  start(): Promise<void>;
  /** Start anew after trouble. */
  retry(): Promise<void>;
  /** Take in a run that an answer of the server brought. */
  add(run: RunSummary): void;
  cancel(id: string): Promise<Run>;
  rerun(id: string): Promise<Run>;
  /** With its record, for good. */
  delete(id: string): Promise<void>;
  /** A run that is kept is deleted by nobody and no rule. */
  keep(id: string, kept: boolean): Promise<Run>;
}

export const IRuns = new Token<IRuns>(
  'dataops-lab:IRuns',
  'The runs this page knows, kept up to date.'
);

/** Commands, by which the rooms call each other. */
export const CommandIDs = {
  /** Args: `path` of a notebook; the current one without. */
  runAsJob: 'dataops:run-as-job',
  /** The same for the notebooks selected in the file browser. */
  runSelected: 'dataops:run-selected-as-job',
  openRuns: 'dataops:open-runs',
  /** These take the `id` of a run; without, they act on the record in front. */
  openRun: 'dataops:open-run',
  cancel: 'dataops:cancel-run',
  rerun: 'dataops:rerun',
  rerunWith: 'dataops:rerun-with',
  /** Have the file travel that the run did not find, and run its notebook again. */
  takeAlong: 'dataops:take-along',
  keep: 'dataops:keep-run',
  deleteRun: 'dataops:delete-run',
  /** Read every byte of a record again. */
  verify: 'dataops:verify-record',
  /** Name, priority, retries and clocks of the job of a run. */
  jobSettings: 'dataops:job-settings',
  openNotebook: 'dataops:open-run-notebook',
  downloadRecord: 'dataops:download-record',
  /** Takes `path` too. */
  downloadArtifact: 'dataops:download-artifact',
  /** Args: `page`, one of environments, images, retention; `name` of what is shown there. */
  administration: 'dataops:administration'
} as const;
