import { TranslationBundle } from '@jupyterlab/translation';
import { ISignal, Signal } from '@lumino/signaling';

import { Client, Job, Problem } from '../api';
import {
  draftOfSettings,
  NO_SETTINGS,
  readSettings,
  SettingsDraft
} from './settings';

export type JobState = {
  /** The job; null while it is read. */
  job: Job | null;
  name: string;
  /** The most runs of the job at a time; empty for as many as there are slots. */
  concurrency: string;
  /** Patterns of pinned files, one per line. */
  pinned: string;
  settings: SettingsDraft;
  /** Sentences about problems, by field. */
  problems: { [name: string]: string | undefined };
  saving: boolean;
  saved: boolean;
  trouble: Problem | null;
};

/** The settings of a job. They hold for those of its runs that give none. */
export class JobSettingsModel {
  constructor(
    readonly id: string,
    private readonly _client: Pick<Client, 'jobs'>,
    private readonly _trans: TranslationBundle
  ) {}

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get state(): JobState {
    return this._state;
  }

  dispose(): void {
    Signal.clearData(this);
  }

  async load(): Promise<void> {
    try {
      this._show(await this._client.jobs.get(this.id));
    } catch (reason) {
      this._set({ trouble: Problem.from(reason) });
    }
  }

  edit(
    change: Partial<Pick<JobState, 'name' | 'concurrency' | 'pinned'>>
  ): void {
    this._set({ ...change, problems: {}, saved: false });
  }

  setSettings(change: Partial<SettingsDraft>): void {
    const settings = { ...this._state.settings, ...change };
    this._set({ settings, problems: {}, saved: false });
  }

  async save(): Promise<void> {
    const { job, name, concurrency, pinned, settings: draft } = this._state;
    const { settings, problems } = readSettings(draft, this._trans);
    const found: JobState['problems'] = { ...problems };
    const maximum = concurrency.trim() ? Number(concurrency) : null;
    if (maximum !== null && !(Number.isInteger(maximum) && maximum >= 0)) {
      found.concurrency = this._trans.__('Needs a whole number from 0 on.');
    }
    if (!name.trim()) {
      found.name = this._trans.__('Give it a name.');
    }
    this._set({ problems: found });
    if (!job || Object.keys(found).length) {
      return;
    }
    this._set({ saving: true, trouble: null });
    try {
      const changed = await this._client.jobs.change(this.id, {
        name: name.trim(),
        concurrency: maximum,
        pinned: linesOf(pinned),
        ...settings,
        revision: job.revision
      });
      this._show(changed);
      this._set({ saved: true });
    } catch (reason) {
      const trouble = Problem.from(reason);
      this._set({ trouble, problems: trouble.parameters });
    }
    this._set({ saving: false });
  }

  private _show(job: Job): void {
    this._set({
      job,
      name: job.name,
      concurrency: job.concurrency === null ? '' : String(job.concurrency),
      pinned: job.pinned.join('\n'),
      settings: draftOfSettings(job),
      trouble: null
    });
  }

  private _set(change: Partial<JobState>): void {
    this._state = { ...this._state, ...change };
    this._changed.emit();
  }

  private _state: JobState = {
    job: null,
    name: '',
    concurrency: '',
    pinned: '',
    settings: NO_SETTINGS,
    problems: {},
    saving: false,
    saved: false,
    trouble: null
  };
  private readonly _changed = new Signal<this, void>(this);
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '');
}
