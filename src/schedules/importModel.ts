import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import {
  Client,
  PlannedSchedule,
  Problem,
  ScheduleImport,
  ScheduleImportRequest
} from '../api';
import { Refresher } from '../shared/refresh';

const PREVIEW_INTERVAL_MS = 600;

export type ImportDraft = {
  /** The folder in which the notebooks are looked for, as the file browser has it. */
  folder: string;
  workingFiles: boolean;
  pauseOld: boolean;
};

export type ImportState = {
  draft: ImportDraft;
  found: ScheduleImport | null;
  /** The ids of definitions that shall not be imported. */
  left: ReadonlySet<string>;
  busy: boolean;
  isDone: boolean;
  trouble: Problem | null;
};

/** The plan of an import from jupyter-scheduler, and then its result. */
export class ImportModel implements IDisposable {
  constructor(private readonly _client: Pick<Client, 'schedules'>) {}

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get state(): ImportState {
    return this._state;
  }

  get isDisposed(): boolean {
    return this._previews.isDisposed;
  }

  dispose(): void {
    this._previews.dispose();
    Signal.clearData(this);
  }

  refresh(): void {
    this._previews.request();
  }

  edit(change: Partial<ImportDraft>): void {
    this._set({ draft: { ...this._state.draft, ...change }, isDone: false });
    this._previews.request();
  }

  choose(id: string, isWanted: boolean): void {
    const left = new Set(this._state.left);
    if (isWanted) {
      left.delete(id);
    } else {
      left.add(id);
    }
    this._set({ left });
  }

  /** Import the definitions that were chosen. */
  async run(): Promise<void> {
    const wanted = wantedOf(this._state);
    this._set({ busy: true, trouble: null });
    try {
      const ids = wanted.map(({ id }) => id);
      const done = await this._client.schedules.runImport({
        ...this._request(),
        ids
      });
      const byId = new Map(done.items.map(item => [item.id, item]));
      const { found } = this._state;
      this._set({
        found: found && {
          ...found,
          items: found.items.map(item => byId.get(item.id) ?? item)
        },
        isDone: true
      });
    } catch (reason) {
      this._set({ trouble: Problem.from(reason) });
    }
    this._set({ busy: false });
  }

  private async _read(): Promise<void> {
    const { draft } = this._state;
    this._set({ busy: true, trouble: null });
    try {
      const found = await this._client.schedules.previewImport(this._request());
      if (this._state.draft === draft) {
        this._set({ found });
      }
    } catch (reason) {
      this._set({ trouble: Problem.from(reason), found: null });
    }
    this._set({ busy: false });
  }

  private _request(): ScheduleImportRequest {
    const { folder, workingFiles, pauseOld } = this._state.draft;
    return {
      folder,
      environment: 'sandbox',
      ids: null,
      working_files: workingFiles,
      pause_old: pauseOld
    };
  }

  private _set(change: Partial<ImportState>): void {
    if (!this.isDisposed) {
      this._state = { ...this._state, ...change };
      this._changed.emit();
    }
  }

  private _state: ImportState = {
    draft: { folder: '', workingFiles: false, pauseOld: false },
    found: null,
    left: new Set(),
    busy: false,
    isDone: false,
    trouble: null
  };
  private readonly _previews = new Refresher(
    () => this._read(),
    PREVIEW_INTERVAL_MS
  );
  private readonly _changed = new Signal<this, void>(this);
}

/** Return the definitions that an import of now would change: new ones, and those that change over. */
export function wantedOf({
  found,
  left,
  draft
}: ImportState): PlannedSchedule[] {
  return (found?.items ?? []).filter(
    item =>
      !left.has(item.id) &&
      (item.fate === 'new' ||
        (item.fate === 'imported' &&
          draft.pauseOld &&
          (item.waits || item.is_active)))
  );
}
