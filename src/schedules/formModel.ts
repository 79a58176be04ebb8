import { TranslationBundle } from '@jupyterlab/translation';
import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import {
  Client,
  HolidayCalendar,
  Job,
  Parameter,
  Parameters,
  Problem,
  Schedule,
  ScheduledSource,
  SchedulePreview,
  ScheduleSettings
} from '../api';
import {
  Draft,
  draftOf,
  initialDraft,
  isDefault,
  readDraft
} from '../jobs/drafts';
import { Refresher } from '../shared/refresh';
import {
  draftOfSchedule,
  firstDraft,
  readSchedule,
  ScheduleDraft
} from './draft';
import { cronOf, RuleDraft } from './rule';

const PREVIEW_INTERVAL_MS = 400;
const MAX_JOBS = 500;

/** The subject of a form: a file that shall be scheduled, or a schedule that shall change. */
export type Subject =
  { source: ScheduledSource; parameters: Parameters } | { id: string };

export type ScheduleFormState = {
  draft: ScheduleDraft;
  /** The schedule that changes; null for a new one. */
  schedule: Schedule | null;
  parameters: Parameter[];
  values: { [parameter: string]: Draft };
  /** The functions of the nominal time that give parameters their values. */
  dates: { [parameter: string]: string };
  /** Sentences about problems, by field; those of parameters begin with `parameter-`. */
  problems: { [field: string]: string | undefined };
  /** The next starts; null while they are not known. */
  preview: SchedulePreview | null;
  previewProblem: Problem | null;
  calendars: HolidayCalendar[];
  jobs: Job[];
  isReady: boolean;
  saving: boolean;
  trouble: Problem | null;
};

type Api = Pick<Client, 'schedules' | 'jobs' | 'inspect' | 'run'>;

/** The form of a schedule: the content of its fields, and what the server says about them. */
export class ScheduleFormModel implements IDisposable {
  constructor(
    readonly subject: Subject,
    private readonly _client: Api,
    private readonly _trans: TranslationBundle
  ) {}

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get state(): ScheduleFormState {
    return this._state;
  }

  get isDisposed(): boolean {
    return this._preview.isDisposed;
  }

  dispose(): void {
    this._preview.dispose();
    Signal.clearData(this);
  }

  async load(): Promise<void> {
    this._set({ trouble: null });
    try {
      await ('id' in this.subject
        ? this._loadSchedule(this.subject.id)
        : this._loadSource(this.subject));
      this._set({ isReady: true });
      this._preview.request();
      const [calendars, jobs] = await Promise.all([
        this._client.schedules.calendars(),
        this._client.jobs.page({ limit: MAX_JOBS })
      ]);
      this._set({ calendars, jobs: jobs.items });
    } catch (reason) {
      this._set({ trouble: Problem.from(reason) });
    }
  }

  edit(change: Partial<ScheduleDraft>): void {
    const draft = { ...this._state.draft, ...change };
    this._set({ draft, problems: {} });
    this._preview.request();
  }

  editRule(change: Partial<RuleDraft>): void {
    const { rule } = this._state.draft;
    const next = { ...rule, ...change };
    if (change.often === 'cron') {
      // The expression begins as what was chosen before, so that a person goes on from there.
      next.expression = cronOf(rule) ?? rule.expression;
    }
    this.edit({ rule: next });
  }

  setValue(parameter: string, value: Draft): void {
    this._set({
      values: { ...this._state.values, [parameter]: value },
      problems: {}
    });
  }

  /** Let a function of the nominal time give a parameter its value; a value of the form for an empty text. */
  setDate(parameter: string, date: string): void {
    const { [parameter]: _, ...others } = this._state.dates;
    this._set({
      dates: date ? { ...others, [parameter]: date } : others,
      problems: {}
    });
  }

  /** Store the schedule. Return null when a person must fix something first. */
  async save(): Promise<Schedule | null> {
    const read = this._read();
    if (!read || this._state.saving) {
      return null;
    }
    const { draft, schedule } = this._state;
    const name = draft.name.trim();
    this._set({ saving: true, trouble: null });
    try {
      if ('source' in this.subject) {
        return await this._client.schedules.add({
          ...this.subject.source,
          ...read,
          name: name || undefined
        });
      }
      const { id, revision } = schedule!;
      return await this._client.schedules.change(id, {
        ...read,
        name: name || schedule!.name,
        revision
      });
    } catch (reason) {
      const trouble = Problem.from(reason);
      const named = Object.entries(trouble.parameters).filter(
        ([parameter]) => parameter in this._state.values
      );
      const problems = {
        ...fieldsOf(trouble),
        ...Object.fromEntries(
          named.map(([parameter, message]) => [
            `parameter-${parameter}`,
            message
          ])
        )
      };
      const isShown = Object.keys(problems).length > 0;
      this._set({ problems, trouble: isShown ? null : trouble });
      return null;
    } finally {
      this._set({ saving: false });
    }
  }

  private async _loadSource(subject: {
    source: ScheduledSource;
    parameters: Parameters;
  }): Promise<void> {
    const { path, environment, image, kernel } = subject.source;
    const inspection = await this._client.inspect({
      path,
      environment,
      image: image ?? undefined,
      kernel: kernel ?? undefined
    });
    this._showParameters(inspection.parameters, subject.parameters);
    if (!this._state.isReady) {
      this._set({ draft: { ...firstDraft(), name: inspection.name } });
    }
  }

  private async _loadSchedule(id: string): Promise<void> {
    const schedule = await this._client.schedules.get(id);
    const known = await this._parametersOf(schedule);
    const names = new Set(known.map(({ name }) => name));
    const given = [
      ...Object.keys(schedule.parameters),
      ...Object.keys(schedule.dates)
    ];
    const others = given.filter(name => !names.has(name)).map(untyped);
    this._showParameters([...known, ...others], schedule.parameters);
    this._set({
      schedule,
      draft: draftOfSchedule(schedule),
      dates: schedule.dates
    });
  }

  /** Return the parameters that the last run declared, else those of the working file. */
  private async _parametersOf(schedule: Schedule): Promise<Parameter[]> {
    try {
      if (schedule.last_run) {
        return (await this._client.run(schedule.last_run.id)).parameter_schema;
      }
      const { contents_path: path } = await this._client.jobs.get(
        schedule.job_id
      );
      return path === null
        ? []
        : (await this._client.inspect({ path })).parameters;
    } catch {
      // The given values can be changed without knowing their types.
      return [];
    }
  }

  private _showParameters(parameters: Parameter[], given: Parameters): void {
    const values = Object.fromEntries(
      parameters.map(parameter => [
        parameter.name,
        parameter.name in given
          ? draftOf(parameter, given[parameter.name])
          : initialDraft(parameter)
      ])
    );
    this._set({ parameters, values });
  }

  /** Read all fields; return null when one is wrong. */
  private _read(): ScheduleSettings | null {
    const { draft, schedule, parameters, values, dates } = this._state;
    const reading = readSchedule(draft, this._trans);
    const problems: { [field: string]: string } =
      'problems' in reading ? reading.problems : {};
    const given: Parameters = {};
    // A parameter that each preset gives needs no value of its own.
    const presets = 'settings' in reading ? reading.settings.presets : [];
    const isInPresets = (name: string) =>
      presets.length > 0 && presets.every(preset => name in preset.parameters);
    const { often, pointers } = draft.rule;
    const isInRequest = (name: string) =>
      often === 'webhook' && Boolean(pointers[name]);
    for (const parameter of parameters) {
      const { name } = parameter;
      if (name in dates) {
        continue;
      }
      const value = readDraft(parameter, values[name], this._trans);
      // A value that was given stays, because the default of the version may be another one.
      const wasGiven = name in (schedule?.parameters ?? {});
      if ('problem' in value) {
        if (!isInPresets(name) && !isInRequest(name)) {
          problems[`parameter-${name}`] = value.problem;
        }
      } else if (wasGiven || !isDefault(parameter, value.value)) {
        given[name] = value.value;
      }
    }
    this._set({ problems });
    return 'settings' in reading && !Object.keys(problems).length
      ? { ...reading.settings, parameters: given, dates }
      : null;
  }

  private async _readPreview(): Promise<void> {
    const reading = readSchedule(this._state.draft, this._trans);
    if ('problems' in reading) {
      this._set({ preview: null, previewProblem: null });
      return;
    }
    try {
      const preview = await this._client.schedules.preview({
        ...reading.settings,
        parameters: {},
        dates: {},
        presets: []
      });
      this._setIfLive({ preview, previewProblem: null });
    } catch (reason) {
      const previewProblem = Problem.from(reason);
      const fields = fieldsOf(previewProblem);
      this._setIfLive({
        preview: null,
        previewProblem: Object.keys(fields).length ? null : previewProblem,
        problems: fields
      });
    }
  }

  private _setIfLive(change: Partial<ScheduleFormState>): void {
    if (!this.isDisposed) {
      this._set(change);
    }
  }

  private _set(change: Partial<ScheduleFormState>): void {
    this._state = { ...this._state, ...change };
    this._changed.emit();
  }

  private _state: ScheduleFormState = {
    draft: firstDraft(),
    schedule: null,
    parameters: [],
    values: {},
    dates: {},
    problems: {},
    preview: null,
    previewProblem: null,
    calendars: [],
    jobs: [],
    isReady: false,
    saving: false,
    trouble: null
  };
  private readonly _preview = new Refresher(
    () => this._readPreview(),
    PREVIEW_INTERVAL_MS
  );
  private readonly _changed = new Signal<this, void>(this);
}

function untyped(name: string): Parameter {
  return {
    name,
    type: 'any',
    default: null,
    required: false,
    nullable: true,
    choices: [],
    description: ''
  } as unknown as Parameter;
}

/** Return the field that a refusal is about, with its sentence; nothing when it is about none. */
function fieldsOf(problem: Problem): { [field: string]: string } {
  const field = {
    invalid_cron: 'expression',
    never_fires: 'expression',
    unknown_zone: 'timezone',
    unknown_calendar: 'calendar',
    schedule_cycle: 'job',
    name_taken: 'name'
  }[problem.code];
  return field ? { [field]: problem.message } : {};
}
