import { ISignal, Signal } from '@lumino/signaling';

import { Client, Problem, RunSummary } from '../api';
import { NextFrame } from '../shared/frames';
import { newestFirst } from '../shared/runs';
import { IRuns } from '../tokens';

const PAGE_SIZE = 50;

export type Filter = {
  /** States as the server names them; empty for all. */
  states: string[];
  text: string;
};

export type ListState = {
  filter: Filter;
  runs: RunSummary[];
  loading: boolean;
  hasMore: boolean;
  trouble: Problem | null;
};

/**
 * The runs of a list: the server filters them, they come page by page, and they change live.
 *
 * They are all runs but those of the steps of pipelines and of the points of sweeps.
 */
export class RunsListModel {
  constructor(
    private readonly _client: Client,
    private readonly _runs: IRuns
  ) {
    _runs.runChanged.connect(this._onRun, this);
    _runs.runDeleted.connect(this._onDeleted, this);
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get state(): ListState {
    return this._state;
  }

  dispose(): void {
    this._runs.runChanged.disconnect(this._onRun, this);
    this._runs.runDeleted.disconnect(this._onDeleted, this);
    this._frame.dispose();
    Signal.clearData(this);
  }

  setFilter(filter: Filter): Promise<void> {
    this._set({ filter });
    return this.reload();
  }

  async reload(): Promise<void> {
    await this._read(null);
  }

  async loadMore(): Promise<void> {
    if (this._next && !this._state.loading) {
      await this._read(this._next);
    }
  }

  private async _read(cursor: string | null): Promise<void> {
    const { filter } = this._state;
    const requestId = ++this._requestCount;
    this._set({ loading: true });
    try {
      const page = await this._client.runs({
        state: filter.states.length ? filter.states : undefined,
        q: filter.text,
        limit: PAGE_SIZE,
        cursor: cursor ?? undefined
      });
      // A change of the filter makes this answer obsolete.
      if (requestId === this._requestCount) {
        const before = cursor ? this._state.runs : [];
        this._next = page.next;
        this._set({
          runs: mergeRuns(
            before,
            page.items.map(run => this._runs.newest(run))
          ),
          loading: false,
          hasMore: page.next !== null,
          trouble: null
        });
      }
    } catch (reason) {
      if (requestId === this._requestCount) {
        this._set({ loading: false, trouble: Problem.from(reason) });
      }
    }
  }

  private _onRun(_: IRuns, run: RunSummary): void {
    if (run.parent === null) {
      this._changes.set(run.id, run);
      this._frame.request();
    }
  }

  private _onDeleted(_: IRuns, id: string): void {
    this._changes.set(id, null);
    this._frame.request();
  }

  /** Show the changes since the last frame. */
  private _applyChanges(): void {
    const { runs, filter } = this._state;
    const matchesFilter = (run: RunSummary) =>
      !filter.states.length || filter.states.includes(run.state);
    const remaining = runs
      .map(run => {
        const change = this._changes.get(run.id);
        this._changes.delete(run.id);
        return change === undefined ? run : change;
      })
      .filter((run): run is RunSummary => run !== null && matchesFilter(run));
    // Only the server knows which runs a text finds.
    const added = [...this._changes.values()].filter(
      (run): run is RunSummary =>
        run !== null &&
        matchesFilter(run) &&
        !filter.text &&
        this._isOnPage(run)
    );
    this._changes.clear();
    this._set({ runs: added.length ? mergeRuns(remaining, added) : remaining });
  }

  /** Tell whether a run belongs to the loaded pages. An older one comes with its own page. */
  private _isOnPage(run: RunSummary): boolean {
    const { runs, hasMore } = this._state;
    const last = runs[runs.length - 1];
    return !hasMore || !last || run.id > last.id;
  }

  private _set(change: Partial<ListState>): void {
    this._state = { ...this._state, ...change };
    this._changed.emit();
  }

  private _state: ListState = {
    filter: { states: [], text: '' },
    runs: [],
    loading: false,
    hasMore: false,
    trouble: null
  };
  private _next: string | null = null;
  private _requestCount = 0;
  /** The changed runs by id; null for a run that was deleted. */
  private readonly _changes = new Map<string, RunSummary | null>();
  private readonly _frame = new NextFrame(() => this._applyChanges());
  private readonly _changed = new Signal<this, void>(this);
}

function mergeRuns(before: RunSummary[], more: RunSummary[]): RunSummary[] {
  const all = new Map([...before, ...more].map(run => [run.id, run]));
  return newestFirst(all.values());
}
