import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { Client, Problem, RunSummary, StepMatrix } from '../api';
import { Refresher } from '../shared/refresh';
import type { IRuns } from '../tokens';

const PAGE_SIZE = 50;
const INTERVAL_MS = 1000;

export type MatrixState = {
  /** The page that is shown; null until the server has answered. */
  matrix: StepMatrix | null;
  /** True on the first page, that of the newest runs. */
  isNewest: boolean;
  loading: boolean;
  trouble: Problem | null;
};

/** The matrix of a pipeline, page by page. The page that is shown is kept up to date from the first load on. */
export class MatrixModel implements IDisposable {
  constructor(
    readonly job: string,
    private readonly _client: Client,
    private readonly _runs: IRuns
  ) {
    _runs.runChanged.connect(this._onRun, this);
    _runs.runDeleted.connect(this._onDeleted, this);
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get state(): MatrixState {
    return this._state;
  }

  get isDisposed(): boolean {
    return this._refresher.isDisposed;
  }

  dispose(): void {
    this._refresher.dispose();
    this._runs.runChanged.disconnect(this._onRun, this);
    this._runs.runDeleted.disconnect(this._onDeleted, this);
    Signal.clearData(this);
  }

  load(): Promise<void> {
    return this._read();
  }

  /** Show the page of the runs before these. */
  showOlder(): Promise<void> {
    const next = this._state.matrix?.next;
    if (next) {
      this._cursors.push(next);
    }
    return this._read();
  }

  showNewer(): Promise<void> {
    this._cursors.pop();
    return this._read();
  }

  /** The cursor of the page that is shown; undefined for the first one. */
  private get _cursor(): string | undefined {
    return this._cursors[this._cursors.length - 1];
  }

  private async _read(): Promise<void> {
    const cursor = this._cursor;
    this._set({ loading: true });
    let answer: Partial<MatrixState>;
    try {
      const query = { limit: PAGE_SIZE, cursor };
      const matrix = await this._client.pipelines.matrix(this.job, query);
      answer = { matrix, isNewest: cursor === undefined, trouble: null };
    } catch (reason) {
      answer = { trouble: Problem.from(reason) };
    }
    // An answer about a page that was left meanwhile is of no use.
    if (cursor === this._cursor) {
      this._set({ ...answer, loading: false });
    }
  }

  private _onRun(_: IRuns, run: RunSummary): void {
    if (run.job.id === this.job && this._state.matrix) {
      this._refresher.request();
    }
  }

  private _onDeleted(_: IRuns, id: string): void {
    if (this._state.matrix?.runs.some(({ run }) => run.id === id)) {
      this._refresher.request();
    }
  }

  private _set(change: Partial<MatrixState>): void {
    if (!this.isDisposed) {
      this._state = { ...this._state, ...change };
      this._changed.emit();
    }
  }

  private _state: MatrixState = {
    matrix: null,
    isNewest: true,
    loading: false,
    trouble: null
  };
  /** The cursors of the pages from the second one to the one that is shown. */
  private readonly _cursors: string[] = [];
  private readonly _refresher = new Refresher(() => this._read(), INTERVAL_MS);
  private readonly _changed = new Signal<this, void>(this);
}
