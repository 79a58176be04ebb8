import { TranslationBundle } from '@jupyterlab/translation';
import { UUID } from '@lumino/coreutils';
import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import {
  Finding,
  InspectRequest,
  Inspection,
  JobKind,
  JSONValue,
  Kernel,
  Parameter,
  Parameters,
  PipelineValidation,
  Placement,
  Problem,
  Run,
  StepReuse,
  Submission,
  TravellingFile
} from '../api';
import { Refresher } from '../shared/refresh';
import { hasNotebook } from '../shared/runs';
import {
  Draft,
  draftOf,
  initialDraft,
  isDefault,
  readDraft,
  Reading
} from './drafts';
import {
  inspectionPlace,
  isPlaceOfRun,
  EMPTY_PLACE,
  Place,
  placementOf,
  placeOfRun,
  readPlace,
  nearestAllowedPlace
} from './place';
import { choosesKernel } from './kernels';
import { withPin } from './pins';
import { NO_OUTPUTS, OutputsDraft, readDeclarations } from './outputs';
import { NO_SETTINGS, readSettings, SettingsDraft } from './settings';
import {
  isSweep,
  NO_SWEEP,
  readSeveral,
  readSweepDraft,
  severalDraft,
  SeveralReading,
  SweepDraft
} from './sweep';

/** The least time in milliseconds between two previews of reuse while a person types. */
const REUSE_INTERVAL_MS = 1000;

export type Drafts = { [name: string]: Draft };

export type FormState = {
  parameters: Parameter[];
  drafts: Drafts;
  /** Sentences about problems, by parameter name. */
  problems: { [name: string]: string };
  /** The places that may be chosen, in promotion order; `place` is the chosen one. */
  placements: Placement[];
  place: Place;
  settings: SettingsDraft;
  outputs: OutputsDraft;
  /** How the runs are treated when parameters have several values. */
  sweep: SweepDraft;
  /** Sentences about problems, by field of place and settings. */
  fieldProblems: { [name: string]: string | undefined };
  name: string;
  /** The kernel that a person chose instead of the notebook's own. */
  kernel: string | null;
  /** The kernel that replaces the notebook's own missing one, until a person chooses one. */
  standIn: string | null;
  /** The patterns of pinned files that a person chose here instead of the job's. */
  pinned: string[] | null;
  /** The check of the notebook; null while it is made, and for a rerun, whose version is fixed. */
  inspection: Inspection | null;
  /** The check of a pipeline: its steps, and what is wrong with its file; null for other files. */
  validation: PipelineValidation | null;
  /** The findings of the page itself, beside those of the inspection. */
  notes: Finding[];
  /** The person has said that the notebook is a new job. */
  isNew: boolean;
  loading: boolean;
  submitting: boolean;
  /** Unchanged steps of a pipeline take over the results of earlier runs. */
  reuse: boolean;
  /** The fate of each step in a run with reuse; null while that is not known. */
  reusePreview: StepReuse[] | null;
  /** The reason why the notebook cannot run or was refused. */
  trouble: Problem | null;
};

/** The receiver of the values of the form. */
export interface IRunTarget {
  readonly title: string;
  readonly kind: JobKind;
  /** The run whose version and values are used again. */
  readonly rerunOf: Run | null;
  /** The run with whose values, place and kernel the form of a notebook begins. */
  readonly template: Run | null;
  /** Let a file travel that would stay behind. `file` is a path from the notebook's folder. */
  takeAlong(file: string): Promise<void>;
  /** Tell the server that the notebook belongs to this job and was moved. */
  relink(job: string): Promise<void>;
  /** Save the open document. Return a sentence when that is not possible, else null. */
  save(): Promise<string | null>;
  inspect(where: Omit<InspectRequest, 'path'>): Promise<Inspection>;
  /** Check the file of a pipeline for an environment. */
  validate(environment?: string): Promise<PipelineValidation>;
  /** List the places that may be chosen for a notebook of this kernel. */
  placements(kernel: Kernel | null): Promise<Placement[]>;
  /** Tell what a run with reuse would do with each step of a pipeline. */
  previewReuse(submission: Omit<Submission, 'path'>): Promise<StepReuse[]>;
  submit(submission: Omit<Submission, 'path'>, key: string): Promise<Run>;
}

/** The form before a run: the content of its fields, and the answers of the server about them. */
export class RunFormModel implements IDisposable {
  constructor(
    readonly target: IRunTarget,
    private readonly _trans: TranslationBundle
  ) {
    const { rerunOf, template: template } = target;
    const run = rerunOf ?? template;
    if (run) {
      this._state = {
        ...this._state,
        name: run.job.name,
        place: placeOfRun(run),
        kernel:
          template && choosesKernel(template) ? template.kernel!.name : null,
        ...fieldsOf(
          // The points of a sweep keep their own values.
          run.parameter_schema.filter(
            ({ name }) => !(rerunOf?.sweep && name in rerunOf.sweep)
          ),
          template?.sweep ? sweptDrafts(template) : {},
          run.parameters
        )
      };
    }
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get state(): FormState {
    return this._state;
  }

  /** True when parameters may have several values: then there is a run for each combination. */
  get maySweep(): boolean {
    const { kind, rerunOf } = this.target;
    return rerunOf === null && (kind === 'notebook' || kind === 'script');
  }

  /** Whether the run publishes its outputs. Reruns and sweeps do so only when somebody asks for it. */
  get publishes(): boolean {
    const { outputs } = this._state;
    return outputs.publish ?? this._publishesByItself;
  }

  private get _publishesByItself(): boolean {
    return this.target.rerunOf === null && !isSweep(this._state.drafts);
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  dispose(): void {
    this._disposed = true;
    this._reuse.dispose();
    Signal.clearData(this);
  }

  /** Read the notebook (again). Typed values stay where they still fit. */
  async load(): Promise<void> {
    const loadId = ++this._loadCount;
    const isPlaced = this._state.place.environment !== '';
    this._set({ loading: true });
    let read: Partial<FormState>;
    try {
      const { rerunOf } = this.target;
      read = await (rerunOf
        ? this._loadPlacements(rerunOf)
        : this._inspectFile());
    } catch (reason) {
      read = { trouble: Problem.from(reason) };
    }
    if (loadId !== this._loadCount) {
      return;
    }
    this._set({ ...read, loading: false });
    if (!isPlaced && read.inspection?.authored_in) {
      // The first answer names the place where the notebook was written; the second checks it there.
      await this.load();
    }
  }

  setDraft(name: string, draft: Draft): void {
    const { [name]: _, ...problems } = this._state.problems;
    const drafts = { ...this._state.drafts, [name]: draft };
    this._set({ drafts, problems });
    this._refreshReuse();
  }

  /** Check a field when the person leaves it, and show its problem. */
  check(name: string): void {
    const parameter = this._state.parameters.find(
      parameter => parameter.name === name
    );
    const reading = parameter && this._readField(parameter);
    if (reading && 'problem' in reading) {
      const problems = { ...this._state.problems, [name]: reading.problem };
      this._set({ problems });
    }
  }

  setName(name: string): void {
    this._isNamed = true;
    this._set({ name });
  }

  /** Change the place. In another environment or image the notebook is checked again. */
  async setPlace(change: Partial<Place>): Promise<void> {
    const place = { ...this._state.place, ...change };
    if (change.environment !== undefined) {
      place.image = null;
    }
    this._set({ place, fieldProblems: {} });
    const isElsewhere = 'environment' in change || 'image' in change;
    if (isElsewhere && !this.target.rerunOf) {
      await this.load();
      this._refreshReuse();
    }
  }

  setSettings(change: Partial<SettingsDraft>): void {
    const settings = { ...this._state.settings, ...change };
    this._set({ settings, fieldProblems: {} });
  }

  setSweep(change: Partial<SweepDraft>): void {
    const sweep = { ...this._state.sweep, ...change };
    this._set({ sweep, fieldProblems: {} });
  }

  setReuse(reuse: boolean): void {
    this._set({ reuse, reusePreview: null });
    this._refreshReuse();
  }

  setOutputs(change: Partial<OutputsDraft>): void {
    const outputs = { ...this._state.outputs, ...change };
    this._set({ outputs, fieldProblems: {} });
  }

  setKernel(kernel: string): Promise<void> {
    this._set({ kernel });
    return this.load();
  }

  /** Pin a file to the version, or let each run read it again. */
  pin(file: TravellingFile, pinned: boolean): Promise<void> {
    const { files = [], pinned: jobPatterns = [] } =
      this._state.inspection ?? {};
    const patterns = this._state.pinned ?? jobPatterns;
    this._set({ pinned: withPin(patterns, files, file, pinned) });
    return this.load();
  }

  async takeAlong(file: string): Promise<void> {
    this._set({ loading: true });
    try {
      await this.target.takeAlong(file);
      await this.load();
    } catch (reason) {
      this._set({ loading: false, trouble: Problem.from(reason) });
    }
  }

  /** Tell the server that the notebook was moved and belongs to this job, which keeps its runs and settings. */
  async setSameJob(job: string): Promise<void> {
    this._set({ loading: true });
    try {
      await this.target.relink(job);
      await this.load();
    } catch (reason) {
      this._set({ loading: false, trouble: Problem.from(reason) });
    }
  }

  /** Note that the notebook is a new job, so that the form does not ask about existing jobs again. */
  setNewJob(): void {
    this._set({ isNew: true });
  }

  /** Submit the run. Return null when a person must fix something first. */
  async submit(): Promise<Run | null> {
    const { inspection, submitting } = this._state;
    const ready = inspection !== null || this.target.rerunOf !== null;
    const values = this._readValues();
    const chosen = this._readChoices();
    if (!ready || !values || !chosen || submitting) {
      return null;
    }
    this._set({ submitting: true, trouble: null });
    try {
      const notSaved = await this.target.save();
      this._set({ notes: this._makeNotes(notSaved, this._state.standIn) });
      const submission = this._makeSubmission(values, chosen);
      // The same request keeps its key, so a second try after a lost answer does not make a second run.
      const request = JSON.stringify(submission);
      if (request !== this._request) {
        this._request = request;
        this._key = UUID.uuid4();
      }
      const run = await this.target.submit(submission, this._key);
      this._request = '';
      return run;
    } catch (reason) {
      const trouble = Problem.from(reason);
      const problems = this._parameterProblems(trouble.parameters);
      const fieldProblems = fieldsOfProblem(trouble);
      const fieldMessages = { ...problems, ...fieldProblems };
      // A problem that a field shows is not shown a second time.
      const isShownInField = Object.keys(fieldMessages).length > 0;
      this._set({
        problems,
        fieldProblems,
        trouble: isShownInField ? null : trouble
      });
      return null;
    } finally {
      this._set({ submitting: false });
    }
  }

  /**
   * Save the file, and return what a schedule takes over from the form; null when a person must fix something first.
   *
   * A wrong value of a parameter is left out: the form of the schedule asks for it again.
   */
  async readForSchedule(): Promise<Omit<Submission, 'path'> | null> {
    const chosen = this._readChoices();
    if (!chosen || this._state.submitting) {
      return null;
    }
    const notSaved = await this.target.save();
    if (notSaved !== null) {
      this._set({ notes: this._makeNotes(notSaved, this._state.standIn) });
      return null;
    }
    const { values } = this._collectValues();
    return this._makeSubmission({ parameters: values }, chosen);
  }

  /** Read the places that may be chosen for a fixed version. */
  private async _loadPlacements(run: Run): Promise<Partial<FormState>> {
    const placements = await this.target.placements(
      hasNotebook(run) ? run.kernel : null
    );
    const place = nearestAllowedPlace(this._state.place, placements);
    return { placements, place, trouble: null };
  }

  private async _inspectFile(): Promise<Partial<FormState>> {
    const notSaved = await this.target.save();
    const { kernel, place, placements: known, pinned } = this._state;
    const isPipeline = this.target.kind === 'pipeline';
    const where = isPipeline
      ? { environment: place.environment || undefined }
      : inspectionPlace(place, placementOf(place, known));
    const validation = isPipeline
      ? await this.target.validate(where.environment)
      : null;
    if (validation?.problems.length) {
      return { validation, inspection: null, trouble: null };
    }
    const location = { ...where, pinned: pinned ?? undefined };
    let inspection = await this.target.inspect({
      kernel: kernel ?? undefined,
      ...location
    });
    const standIn =
      kernel === null ? (inspection.kernel_suggestion ?? null) : null;
    if (standIn !== null) {
      inspection = await this.target.inspect({ kernel: standIn, ...location });
    }
    // The notebook wants this kernel, also when an image lacks it.
    if (hasNotebook(this.target)) {
      this._notebookKernel = inspection.kernel ?? this._notebookKernel;
    }
    const placements = await this.target.placements(this._notebookKernel);
    // Until a person chooses a place, it is the one where the notebook was written.
    const written = place.environment ? null : inspection.authored_in;
    return {
      inspection,
      validation,
      standIn,
      placements,
      place: nearestAllowedPlace(
        { ...this._state.place, ...written },
        placements
      ),
      notes: this._makeNotes(notSaved, standIn),
      name: this._isNamed ? this._state.name : inspection.name,
      trouble: null,
      ...fieldsOf(inspection.parameters, this._editedDrafts(), {})
    };
  }

  /** Read all fields of parameters, and collect what is wrong with them. */
  private _collectValues(): {
    values: Parameters;
    sweep: { [name: string]: JSONValue[] };
    problems: { [name: string]: string };
  } {
    const values: Parameters = {};
    const sweep: { [name: string]: JSONValue[] } = {};
    const problems: { [name: string]: string } = {};
    for (const parameter of this._state.parameters) {
      const reading = this._readField(parameter);
      if ('problem' in reading) {
        problems[parameter.name] = reading.problem;
      } else if ('values' in reading) {
        sweep[parameter.name] = reading.values;
      } else if (!isDefault(parameter, reading.value)) {
        values[parameter.name] = reading.value;
      }
    }
    return { values, sweep, problems };
  }

  private _makeSubmission(
    values: Pick<Submission, 'parameters' | 'sweep'>,
    chosen: Partial<Submission>
  ): Omit<Submission, 'path'> {
    const { name, inspection, place, placements, pinned } = this._state;
    const kernel = this._state.kernel ?? this._state.standIn;
    const isLocked = placementOf(place, placements)?.locked.includes('kernel');
    return {
      ...values,
      reuse: this._state.reuse || undefined,
      name: name.trim() && name !== inspection?.name ? name.trim() : undefined,
      kernel: isLocked ? undefined : (kernel ?? undefined),
      pinned: pinned ?? undefined,
      ...this._readOutputs(),
      ...chosen
    };
  }

  private _refreshReuse(): void {
    if (this._state.reuse) {
      this._reuse.request();
    }
  }

  private async _previewReuse(): Promise<void> {
    const { place, placements } = this._state;
    const { values, problems } = this._collectValues();
    const placement = placementOf(place, placements);
    const reading = readPlace(place, placement, this.target.kind, this._trans);
    let reusePreview: StepReuse[] | null = null;
    if (!Object.keys({ ...problems, ...reading.problems }).length) {
      try {
        reusePreview = await this.target.previewReuse({
          parameters: values,
          ...reading.choice
        });
      } catch {
        // The check of the pipeline, or its submission, says what is wrong.
      }
    }
    if (!this._disposed) {
      this._set({ reusePreview });
    }
  }

  private _readOutputs(): Partial<Submission> {
    const { inspection, outputs } = this._state;
    const { kind, rerunOf } = this.target;
    const publish =
      this.publishes === this._publishesByItself ? undefined : this.publishes;
    if (kind === 'pipeline' || rerunOf) {
      // Their outputs are those of the file, or of the version.
      return { publish };
    }
    const declared = inspection?.outputs ?? [];
    return { outputs: readDeclarations(outputs, declared), publish };
  }

  /** Read place and settings; return null when a field is wrong. */
  private _readChoices(): Partial<Submission> | null {
    const { rerunOf } = this.target;
    const { place, placements, settings } = this._state;
    const placement = placementOf(place, placements);
    const { kind } = this.target;
    const placeReading = readPlace(place, placement, kind, this._trans);
    if (rerunOf && isPlaceOfRun(place, placement, rerunOf)) {
      // In that place a rerun uses the very same image, which may no longer have a name.
      delete placeReading.choice.environment;
      delete placeReading.choice.image;
    }
    const settingsReading = readSettings(settings, this._trans);
    const swept = isSweep(this._state.drafts)
      ? readSweepDraft(this._state.sweep, this._trans)
      : { choice: {}, problems: {} };
    const fieldProblems = {
      ...placeReading.problems,
      ...settingsReading.problems,
      ...swept.problems
    };
    this._set({ fieldProblems });
    return Object.keys(fieldProblems).length
      ? null
      : {
          ...placeReading.choice,
          ...withoutNulls(settingsReading.settings),
          ...swept.choice
        };
  }

  /** Read the values that differ from the defaults; return null when a field is wrong. */
  private _readValues(): Pick<Submission, 'parameters' | 'sweep'> | null {
    const { values, sweep, problems } = this._collectValues();
    this._set({ problems });
    if (Object.keys(problems).length) {
      return null;
    }
    return {
      parameters: values,
      sweep: Object.keys(sweep).length ? sweep : undefined
    };
  }

  private _readField(parameter: Parameter): Reading | SeveralReading {
    const draft = this._state.drafts[parameter.name];
    return draft.several
      ? readSeveral(parameter, draft, this._trans)
      : readDraft(parameter, draft, this._trans);
  }

  private _editedDrafts(): Drafts {
    const { parameters, drafts } = this._state;
    return Object.fromEntries(
      parameters
        .filter(
          parameter =>
            !isSameDraft(drafts[parameter.name], initialDraft(parameter))
        )
        .map(parameter => [parameter.name, drafts[parameter.name]])
    );
  }

  private _makeNotes(
    notSaved: string | null,
    standIn: string | null
  ): Finding[] {
    const notes: Finding[] = [];
    if (notSaved !== null) {
      const hint = this._trans.__(
        'The run takes the file as it was saved last.'
      );
      notes.push(makeWarning('not_saved', notSaved, hint));
    }
    if (standIn !== null) {
      const message = this._trans.__(
        "The notebook's own kernel is not there. The run takes %1, the only one of its language.",
        standIn
      );
      const hint = this._trans.__(
        'Another kernel may be chosen below. The packages that the notebook imports must be installed for it.'
      );
      notes.push(makeWarning('kernel_stands_in', message, hint));
    }
    return notes;
  }

  private _parameterProblems(problems: { [name: string]: string }) {
    const names = new Set(
      this._state.parameters.map(parameter => parameter.name)
    );
    return Object.fromEntries(
      Object.entries(problems).filter(([name]) => names.has(name))
    );
  }

  private _set(change: Partial<FormState>): void {
    this._state = { ...this._state, ...change };
    this._changed.emit();
  }

  private _state: FormState = {
    parameters: [],
    drafts: {},
    problems: {},
    placements: [],
    place: EMPTY_PLACE,
    settings: NO_SETTINGS,
    sweep: NO_SWEEP,
    fieldProblems: {},
    name: '',
    kernel: null,
    standIn: null,
    outputs: NO_OUTPUTS,
    pinned: null,
    inspection: null,
    validation: null,
    notes: [],
    isNew: false,
    loading: false,
    submitting: false,
    reuse: false,
    reusePreview: null,
    trouble: null
  };
  private readonly _reuse = new Refresher(
    () => this._previewReuse(),
    REUSE_INTERVAL_MS
  );
  private _loadCount = 0;
  private _notebookKernel: Kernel | null = null;
  private _isNamed = false;
  private _request = '';
  private _key = '';
  private _disposed = false;
  private readonly _changed = new Signal<this, void>(this);
}

function makeWarning(code: string, message: string, hint: string): Finding {
  const noSubject = { cell: null, file: null, job: null };
  return { code, severity: 'warning', message, hint, ...noSubject };
}

/** Make the fields for `parameters`: each has the typed text, else the given value, else the default. */
function fieldsOf(
  parameters: Parameter[],
  typed: Drafts,
  values: Parameters
): Pick<FormState, 'parameters' | 'drafts' | 'problems'> {
  const drafts = Object.fromEntries(
    parameters.map(parameter => [
      parameter.name,
      typed[parameter.name] ??
        (parameter.name in values
          ? draftOf(parameter, values[parameter.name])
          : initialDraft(parameter))
    ])
  );
  return { parameters, drafts, problems: {} };
}

/** Return the field that a refusal names, with the sentence of the refusal; nothing when it names none. */
function fieldsOfProblem(problem: Problem): { [name: string]: string } {
  const { limit, setting, image } = problem.extra;
  const names = [
    limit,
    setting,
    image !== undefined && 'image',
    problem.code === 'invalid_outputs' && 'outputs'
  ];
  const name = names.find(
    field => typeof field === 'string' && field in FIELDS
  );
  return name ? { [name as string]: problem.message } : {};
}

const FIELDS = {
  ...NO_SETTINGS,
  image: '',
  cpus: '',
  memory_bytes: '',
  outputs: ''
};

function withoutNulls<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== null)
  ) as Partial<T>;
}

function isSameDraft(a: Draft, b: Draft): boolean {
  return (
    a.text === b.text &&
    a.isNone === b.isNone &&
    Boolean(a.several) === Boolean(b.several)
  );
}

/** Return the fields of the parameters that differ from point to point in a sweep. */
function sweptDrafts(run: Run): Drafts {
  return Object.fromEntries(
    run.parameter_schema
      .filter(({ name }) => run.sweep && name in run.sweep)
      .map(parameter => [
        parameter.name,
        severalDraft(parameter, run.sweep![parameter.name])
      ])
  );
}
