import type { components } from './schema';

/**
 * The types that travel between this page and the server, under shorter names.
 *
 * `schema.ts` is generated from the server's OpenAPI document (`jlpm api:types`). That document says
 * "anything" where JSON may stand; the types here are more precise.
 */
type Schemas = components['schemas'];
type Override<T, Changes> = Omit<T, keyof Changes> & Changes;

export type JSONValue =
  | null
  | boolean
  | number
  | string
  | JSONValue[]
  | { [name: string]: JSONValue };

type JSONMapping = { [name: string]: JSONValue };

export type ParameterType = Schemas['ParameterType'];
export type Parameter = Override<
  Schemas['ParameterModel'],
  { default: JSONValue; choices: JSONValue[] }
>;
export type Parameters = JSONMapping;

export type Finding = Schemas['FindingModel'];
export type Kernel = Schemas['KernelModel'];
/**
 * The result of the check before a run. `files` holds the first 200 of `file_count`. When the notebook's
 * own kernel is missing, `kernel_suggestion` is the kernel of its language, if there is only one.
 */
export type Inspection = Override<
  Schemas['InspectionModel'],
  {
    parameters: Parameter[];
    kernel_suggestion?: string | null;
  }
>;
export type InspectRequest = Partial<Schemas['InspectRequest']> & {
  path: string;
};
/** A file that travels. Each run reads a `fresh` file again; the others belong to the version. */
export type TravellingFile = Schemas['TravellingFileModel'];
/** Has the `line` that was written into the `.dataopsignore` beside the notebook, if one was needed. */
export type TakenAlong = Schemas['IncludedFileModel'];
export type Submission = Override<
  Partial<Schemas['SubmitRequest']>,
  {
    path: string;
    parameters?: Parameters;
    sweep?: { [name: string]: JSONValue[] };
  }
>;

/** A request to run a version again. `parameters` replaces all parameters of the earlier run. */
export type RerunRequest = Override<
  Partial<Schemas['RerunRequest']>,
  { parameters?: Parameters }
>;

/** The reason of a state. For a failing cell, `detail` holds cell, ename, evalue and traceback. */
export type Reason = Override<Schemas['ReasonModel'], { detail: JSONMapping }>;
export type Progress = Schemas['ProgressModel'];
export type JobKind = Schemas['JobKind'];
export type Actor = Schemas['ActorModel'];
export type RunState = Schemas['RunState'];
export type AttemptState = Schemas['AttemptState'];
export type Artifact = Schemas['ArtifactModel'];
export type DeclaredOutput = Schemas['OutputModel'];
export type Outputs = Schemas['OutputsModel'];
export type OutputDeclaration = Schemas['OutputDeclaration'];
/** The files that a run found beside its notebook. */
export type RunInputs = Schemas['InputsModel'];
export type Comparison = Schemas['ComparisonModel'];
export type Difference = Schemas['DifferenceModel'];
/** A run as lists and events show it. Every `Run` is also a `RunSummary`. */
export type RunSummary = Override<
  Schemas['RunSummaryModel'],
  { reason: Reason | null }
>;
export type Run = Override<
  Schemas['RunModel'],
  {
    reason: Reason | null;
    /** The parameters that were given; the others keep their defaults. */
    parameters: Parameters;
    parameter_schema: Parameter[];
    values: JSONMapping;
    /** The values of the parameters that differ from point to point; null for other runs than sweeps. */
    sweep: { [name: string]: JSONValue[] } | null;
  }
>;

/** The settings of runs; null for a setting that nobody chose. */
export type GivenSettings = Pick<
  Schemas['SubmitRequest'],
  | 'priority'
  | 'max_retries'
  | 'retry_on_timeout'
  | 'queue_timeout_s'
  | 'start_timeout_s'
  | 'timeout_s'
  | 'total_timeout_s'
>;
export type Resources = Schemas['ResourcesModel'];
/** The choices that a person has in one environment; `problem` says why there are none. */
export type Placement = Schemas['PlacementModel'];
export type ImageOption = Schemas['ImageOption'];

export type ExecutorKind = Schemas['ExecutorKind'];
export type Environment = Schemas['EnvironmentModel'];
export type EnvironmentChange = Schemas['EnvironmentChange'];
export type Limits = Schemas['LimitsModel'];
export type Mount = Schemas['MountModel'];
export type Variable = Schemas['VariableModel'];
/** A place to which messages go. `place` is the host of its URL, or its address of mail. */
export type Target = Schemas['TargetModel'];
/** A target that was set just now, with the key that was made for it. */
export type SetTarget = Schemas['SetTargetModel'];
export type TargetChange = Partial<Schemas['TargetRequest']> &
  Pick<Schemas['TargetRequest'], 'channel'>;
export type Delivery = Schemas['DeliveryModel'];
export type MailServer = Schemas['MailServerModel'];
export type Secret = Schemas['SecretModel'];

export type Image = Schemas['ImageModel'];
export type ImageProbe = Schemas['ImageProbeModel'];
/** Keeps runs of the last `days` days and the `last` runs of each job; null for either keeps nothing by itself. */
export type AuditEntry = Schemas['AuditEntryModel'];
export type AuditVerification = Schemas['AuditVerificationModel'];
export type RetentionRule = Schemas['RetentionRuleModel'];
export type RetentionPreview = Schemas['PreviewModel'];
export type RetentionRemoval = Schemas['RemovedModel'];

/** The findings of `verify`, by path in the record. */
export type Verification = Schemas['VerificationModel'];

/** A job. Its settings hold for those of its runs that give none. */
export type Job = Schemas['JobModel'];
/** The jobs that moved. `parted` are jobs whose notebook is now at the place of another job. */
export type MovedJobs = Schemas['MovedModel'];
export type JobChange = Partial<Schemas['JobChanges']>;

type PartialExcept<T, Required extends keyof T> = Partial<T> &
  Pick<T, Required>;
export type ImageAddition = PartialExcept<
  Schemas['AddImageRequest'],
  'name' | 'reference'
>;
export type ImageBuild = PartialExcept<
  Schemas['BuildImageRequest'],
  'name' | 'base'
>;
/** A change of an image. A field that is left out stays; `deprecated` null takes the deprecation back. */
export type ImageChange = Partial<Schemas['ChangeImageRequest']>;
export type ImageCheck = Schemas['ImageCheckModel'];
export type ImageTask = Schemas['ImageTaskModel'];
export type ImageUsers = Schemas['ImageUsersModel'];
export type ImageTrial = Schemas['ImageTrialModel'];
export type ImageTrialRequest = PartialExcept<Schemas['TrialRequest'], 'image'>;
export type FrozenPackages = Schemas['FrozenModel'];

export type Page<T> = { items: T[]; next: string | null };
export type Status = Schemas['Status'];

/** An nbformat output, with the `transient` member that only messages have. */
export type Output = { output_type: string; [member: string]: unknown };

/**
 * One line of a run's journal. `cell` counts all cells from 0; null for a program without cells. A line that no runner could write is
 * `unreadable`: a notebook can write into the journal too.
 */
export type JournalEvent = { seq: number; t: number } & (
  | { kind: 'start'; cells: number; code_cells: number }
  | { kind: 'cell_started'; cell: number; done: number }
  | { kind: 'output'; cell: number | null; output: Output }
  | { kind: 'clear'; cell: number }
  | {
      kind: 'update';
      display_id: string;
      data: { [mimeType: string]: JSONValue };
      metadata: JSONMapping;
    }
  | {
      kind: 'cell_finished';
      cell: number;
      ok: boolean;
      execution_count: number | null;
      done: number;
    }
  | { kind: 'value'; name: string; value: JSONValue }
  | { kind: 'usage'; peak_memory_bytes: number; cpu_seconds: number }
  | { kind: 'note'; code: string; message: string; cell: number | null }
  | { kind: 'end'; state: string }
  | { kind: 'unreadable' }
);

/** A page of a journal. Each attempt counts its events from 1; `attempt` is the latest, 0 before the first. */
export type JournalPage = Override<
  Schemas['JournalPage'],
  { events: JournalEvent[] }
>;

/** A problem by RFC 9457. `code` is stable; `detail` is the sentence for people. */
export type ProblemBody = Override<Schemas['Problem'], { extra: JSONMapping }>;

export type StepKind = Schemas['StepKind'];
export type StepState = Schemas['StepState'];
/** A step of a pipeline run. Before a run its state is `waiting`, or `disabled` where it would not run. */
export type PipelineStep = Override<
  Schemas['StepModel'],
  { reason: Reason | null }
>;
/** An item of a fan-out, or a point of a sweep. */
export type Item = Override<
  Schemas['ItemModel'],
  { parameters: JSONMapping; values: JSONMapping; reason: Reason | null }
>;
export type ItemTable = Override<Schemas['ItemTableModel'], { items: Item[] }>;
export type PipelineProblem = Schemas['PipelineProblemModel'];
export type ValidateRequest = Partial<Schemas['ValidateRequest']> & {
  path: string;
};
export type PipelineValidation = Override<
  Schemas['ValidationModel'],
  { steps: PipelineStep[] }
>;
/** The text of a new pipeline. The step `to` seems to read the path that `from` writes. */
export type PipelineSuggestion = Schemas['SuggestionModel'];
/** The fate of a step in a run with reuse, and why. */
export type StepReuse = Schemas['StepReuseModel'];
/** A step of one run as the matrix of a pipeline shows it. */
export type StepCell = Override<
  Schemas['StepCellModel'],
  { reason: Reason | null }
>;
export type MatrixStep = Schemas['MatrixStepModel'];
export type MatrixRun = { run: RunSummary; cells: StepCell[] };
/** Runs of a pipeline, newest first. `steps` are those of the newest of them, then those that only others have. */
export type StepMatrix = Override<
  Schemas['StepMatrixModel'],
  { runs: MatrixRun[] }
>;
/** An approval that waits, on which this person may decide or which belongs to a run of this person. */
export type OpenApproval = Override<
  Schemas['OpenApprovalModel'],
  { run: RunSummary }
>;
/** A pipeline that was made of one of Elyra's and is not saved, with the report. */
export type ImportedPipeline = Schemas['ImportedModel'];
export type ImportNote = Schemas['ImportNoteModel'];
export type Decision = { approved: boolean; comment: string };
/** A repair of a pipeline run: all that did not succeed, in the same version, unless it says otherwise. */
export type RepairRequest = Partial<Schemas['RepairRequest']>;
/** The fate of a step in a repair, and why it does not keep its result. */
export type StepRepair = Schemas['StepRepairModel'];
export type RepairPreview = Schemas['RepairPreviewModel'];

/** A run, or a step of a pipeline run, or an item of its fan-out. */
export type RunPart = { run: string; step?: string; item?: string };
export type Reproduction = Schemas['ReproductionModel'];
export type ReproductionKernel = Schemas['ReproductionKernelModel'];
/** The place of a kernel: the image in which the run ran, or this machine. */
export type KernelPlace = Schemas['ReproductionKernelRequest']['place'];

export type ScheduleRule = Schemas['ScheduleModel']['rule'];
export type Tick = Override<Schemas['TickModel'], { reason: Reason | null }>;
export type Schedule = Override<
  Schemas['ScheduleModel'],
  {
    parameters: Parameters;
    dates: { [parameter: string]: string };
    presets: {
      name: string;
      parameters: Parameters;
      recipients?: Recipient[];
    }[];
    send: Required<Schemas['SendModel']>;
    last_tick: Tick | null;
    last_run: RunSummary | null;
  }
>;
/** The choices of a person for a schedule, besides its job and environment. */
export type ScheduleSettings = Pick<
  Schedule,
  | 'rule'
  | 'timezone'
  | 'starts_at'
  | 'ends_at'
  | 'jitter_s'
  | 'calendar'
  | 'on_holiday'
  | 'parameters'
  | 'dates'
  | 'presets'
  | 'overlap'
  | 'misfire'
  | 'catchup_window_s'
  | 'pause_on_failure'
  | 'due'
  | 'send'
>;
/** A file as it is now, and how it shall run each time. */
export type ScheduledSource = Partial<
  Pick<
    Schemas['ScheduleRequest'],
    'environment' | 'kernel' | 'image' | 'resources' | 'run_settings'
  >
> & { path: string };
export type Interest = Schemas['Interest'];
export type SubscriptionKind = Schemas['ObjectKind'];
/** The wish of a person: of what they hear, and by which ways. */
export type Choice = Required<Schemas['ChoiceModel']>;
export type Subscription = Override<
  Schemas['SubscriptionModel'],
  { choice: Choice | null }
>;
/** Somebody whom the owner of a schedule lets be told. */
export type Recipient = Schemas['RecipientModel'];
/** The settings of this person for messages. */
export type Me = Schemas['PersonModel'];
export type DeliveryTimes = Schemas['DeliveryTimesModel'];

export type WebhookSecret = Schemas['WebhookSecretModel'];
export type SchedulePreview = Schemas['SchedulePreviewModel'];
export type Occurrence = Schemas['OccurrenceModel'];
/** The starts of a span of time: those that are decided, and those that will come. */
export type TickSpan = Override<Schemas['TickSpanModel'], { decided: Tick[] }>;
export type BackfillRequest = Schemas['BackfillRequest'];
export type BackfillCell = Schemas['BackfillCellModel'];
/** A backfill, and how far it is. */
export type Backfill = Schemas['BackfillModel'];
export type ScheduleImportRequest = Schemas['ScheduleImportRequest'];
/** The definitions of jupyter-scheduler, and what becomes of them. */
export type ScheduleImport = Schemas['ScheduleImportModel'];
export type PlannedSchedule = Schemas['PlannedScheduleModel'];
export type HolidayCalendar = Schemas['CalendarModel'];
