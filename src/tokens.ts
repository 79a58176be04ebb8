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

/** The connection to the server extension: its API, and the one event stream of the page. */
export interface IDataOps {
  readonly client: Client;
  readonly events: EventStream;
}

export const IDataOps = new Token<IDataOps>(
  'dataops-lab:IDataOps',
  'The REST client and the event stream of DataOps.'
);

/** The runs that this page knows. The event stream keeps them up to date. */
export interface IRuns {
  /** The unfinished runs and the last finished ones, each newest first. */
  readonly active: readonly RunSummary[];
  readonly recent: readonly RunSummary[];
  /** The reason why nothing works at the moment, or null. */
  readonly trouble: Problem | null;
  /** True when a queued run waits because no engine leads. */
  readonly engineMissing: boolean;
  readonly connected: boolean;
  readonly changed: ISignal<IRuns, void>;
  /** A signal that a run is new to this page or has changed. */
  readonly runChanged: ISignal<IRuns, RunSummary>;

  /** A signal that the run of this id was deleted. */
  readonly runDeleted: ISignal<IRuns, string>;
  /** True when this person may change environments and images; null while that is not known. */
  readonly mayAdminister: boolean | null;

  /** The id of the run whose record is in front. Commands without an id use it. */
  current: string | null;

  get(id: string): RunSummary | undefined;
  /** Return the run of an answer, or the known run when a later answer or an event was newer. */
  newest(run: RunSummary): RunSummary;
  /** Tell whether the person on this page submitted the run. */
  isMine(run: { created_by: { id: string } }): boolean;
  /** Tell whether this person may cancel, keep, delete or change a run or job: its owner or an administrator may. */
  mayChange(subject: { created_by: Actor }): boolean;
  /** Load the runs and follow them. A second call does nothing. */
  start(): Promise<void>;
  /** Start again after trouble. */
  retry(): Promise<void>;
  /** Add a run from an answer of the server. */
  add(run: RunSummary): void;
  cancel(id: string): Promise<Run>;
  rerun(id: string): Promise<Run>;
  /** Delete a run with its record, for good. */
  delete(id: string): Promise<void>;
  /** Keep a run, or stop keeping it. No person and no rule deletes a run that is kept. */
  keep(id: string, kept: boolean): Promise<Run>;
}

export const IRuns = new Token<IRuns>(
  'dataops-lab:IRuns',
  'The runs this page knows, kept up to date.'
);

/** The commands by which the parts of the page call each other. */
export const CommandIDs = {
  /** Args: `path` of a notebook, script or pipeline; the current one without. */
  runAsJob: 'dataops:run-as-job',
  /** The same for the files that are selected in the file browser. */
  runSelected: 'dataops:run-selected-as-job',
  /** Args: `paths` of notebooks and scripts, `cwd`; an example pipeline without paths. */
  newPipeline: 'dataops:new-pipeline',
  /** A pipeline of the notebooks and scripts that are selected in the file browser. */
  newPipelineOfSelected: 'dataops:new-pipeline-of-selected',
  /** The next three act on the editor of a pipeline that is in front. */
  addStep: 'dataops:add-step',
  undoPipeline: 'dataops:pipeline-undo',
  redoPipeline: 'dataops:pipeline-redo',
  /** Args: `path` of a pipeline; the one in front without. */
  checkPipeline: 'dataops:check-pipeline',
  /** Args: `path` of a pipeline of Elyra; the one that is selected in the file browser without. */
  importElyra: 'dataops:import-elyra-pipeline',
  /** Add the selected notebooks and scripts to a pipeline. Args: `pipeline`, its path; asks without. */
  addToPipeline: 'dataops:add-to-pipeline',
  /** The next commands act on what is selected in the editor of a pipeline. */
  openStep: 'dataops:open-step',
  confirmGuesses: 'dataops:confirm-guesses',
  toggleSteps: 'dataops:toggle-steps',
  selectAllSteps: 'dataops:select-all-steps',
  removeFromPipeline: 'dataops:remove-from-pipeline',
  openRuns: 'dataops:open-runs',
  /** The next commands take the `id` of a run; without it they act on the record in front. */
  openRun: 'dataops:open-run',
  cancel: 'dataops:cancel-run',
  rerun: 'dataops:rerun',
  rerunWith: 'dataops:rerun-with',
  /** Ask what of a pipeline run shall run again, and repair it. */
  repair: 'dataops:repair-run',
  /** Open the notebook or script of a run in a folder with all that it found; of a pipeline run a `step`. */
  reproduce: 'dataops:reproduce-run',
  /** Let the file that the run did not find travel, and run its notebook again. */
  takeAlong: 'dataops:take-along',
  keep: 'dataops:keep-run',
  deleteRun: 'dataops:delete-run',
  /** Read every byte of a record again. */
  verify: 'dataops:verify-record',
  /** Open the name, priority, retries and time limits of the job of a run. */
  jobSettings: 'dataops:job-settings',
  /** Args: `path` of a pipeline in the place of `id`. Show its runs beside one another. */
  pipelineHistory: 'dataops:pipeline-history',
  openSchedules: 'dataops:open-schedules',
  /** The past and coming starts of all schedules. */
  openCalendar: 'dataops:open-calendar',
  /** Make schedules of those of jupyter-scheduler. */
  importSchedules: 'dataops:import-schedules',
  /** Args: `id` of a schedule. Run starts of its past. */
  backfill: 'dataops:backfill-schedule',
  /** Address, quiet hours and subscriptions of this person. */
  myNotifications: 'dataops:my-notifications',
  /** Args: `id` of a schedule. */
  openSchedule: 'dataops:open-schedule',
  /** Args: `path` of a notebook, script or pipeline, the one in front without; `submission` of its form. */
  schedule: 'dataops:schedule',
  /** Args: `id` of a schedule. */
  editSchedule: 'dataops:edit-schedule',
  openNotebook: 'dataops:open-run-notebook',
  downloadRecord: 'dataops:download-record',
  /** Takes also `path`. */
  downloadArtifact: 'dataops:download-artifact',
  /** Args: `page`, one of environments, images, retention; `name` of an environment or image. */
  administration: 'dataops:administration'
} as const;
