import { UUID } from '@lumino/coreutils';
import { ISignal, Signal } from '@lumino/signaling';

import { Actor, Client, EventStream, Problem, Run, RunSummary } from '../api';
import { NextFrame } from '../shared/frames';
import { isTerminal, insertionIndex, summaryOf } from '../shared/runs';
import { IRuns } from '../tokens';

const MAX_RECENT = 20;
const MAX_REVISIONS = 5000;
const ACTIVE = 'created,awaiting_approval,queued,active,retry_wait'.split(',');

/** The time in milliseconds that a new engine needs until it leads. */
const ENGINE_GRACE_MS = 5000;

/** The runs of the sidebar. This is the one place that receives all changes. */
export class RunsModel implements IRuns {
  constructor(
    private readonly _client: Client,
    private readonly _events: EventStream
  ) {
    _events.run.connect((_, run) => this.add(run));
    _events.deleted.connect((_, id) => this._remove(id));
    _events.restarted.connect(() => void this._load());
    _events.stateChanged.connect(() => this._changed.emit());
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get runChanged(): ISignal<this, RunSummary> {
    return this._runChanged;
  }

  get runDeleted(): ISignal<this, string> {
    return this._runDeleted;
  }

  get mayAdminister(): boolean | null {
    return this._mayAdminister;
  }

  get active(): readonly RunSummary[] {
    this._refresh();
    return this._active;
  }

  get recent(): readonly RunSummary[] {
    this._refresh();
    return this._recent;
  }

  get trouble(): Problem | null {
    return this._trouble;
  }

  get engineMissing(): boolean {
    return this._engineMissing;
  }

  get connected(): boolean {
    return this._events.state !== 'reconnecting';
  }

  current: string | null = null;

  get(id: string): RunSummary | undefined {
    return this._runs.get(id);
  }

  newest(run: RunSummary): RunSummary {
    const known = this._runs.get(run.id);
    return known && known.revision > run.revision ? known : run;
  }

  isMine(run: { created_by: { id: string } }): boolean {
    return run.created_by.id === this._user;
  }

  mayChange(subject: { created_by: Actor }): boolean {
    return subject.created_by.id === this._user || this._mayAdminister === true;
  }

  start(): Promise<void> {
    this._started ??= this._load();
    return this._started;
  }

  retry(): Promise<void> {
    this._started = this._load();
    return this._started;
  }

  add(run: RunSummary): void {
    if (!this._store(run)) {
      return;
    }
    this._runChanged.emit(run);
    this._frame.request();
    if (run.phase === 'queued') {
      this._watchEngine();
    } else if (run.state === 'active') {
      this._engineMissing = false;
    }
  }

  async cancel(id: string): Promise<Run> {
    return this._addRun(await this._client.cancel(id));
  }

  async rerun(id: string): Promise<Run> {
    const key = UUID.uuid4();
    return this._addRun(await this._client.rerun(id, {}, key));
  }

  async delete(id: string): Promise<void> {
    await this._client.delete(id);
    this._remove(id);
  }

  async keep(id: string, kept: boolean): Promise<Run> {
    return this._addRun(await this._client.keep(id, kept));
  }

  /** Store a run; return false when a newer revision is known. */
  private _store(run: RunSummary): boolean {
    if (run.revision < (this._revisions.get(run.id) ?? 0)) {
      return false;
    }
    this._storeRevision(run);
    if (!this._runs.has(run.id)) {
      this._order.splice(insertionIndex(run.id, this._order), 0, run.id);
    }
    this._runs.set(run.id, run);
    this._stale = true;
    return true;
  }

  /** Remember the newest revision of a run, also when the run itself is forgotten. */
  private _storeRevision({ id, revision }: RunSummary): void {
    this._revisions.delete(id);
    this._revisions.set(id, revision);
    if (this._revisions.size > MAX_REVISIONS) {
      const oldest = this._revisions.keys().next().value!;
      this._revisions.delete(oldest);
    }
  }

  private _remove(id: string): void {
    this._forget(id);
    this._runDeleted.emit(id);
    this._frame.request();
  }

  private _forget(id: string): void {
    if (this._runs.delete(id)) {
      this._order.splice(insertionIndex(id, this._order), 1);
      this._stale = true;
    }
  }

  private _addRun(run: Run): Run {
    this.add(summaryOf(run));
    return run;
  }

  private async _load(): Promise<void> {
    try {
      const [status, active, recent] = await Promise.all([
        this._client.status(),
        this._client.runs({ state: ACTIVE, limit: 100 }),
        this._client.runs({ limit: MAX_RECENT })
      ]);
      this._user = status.user.id;
      this._mayAdminister = status.may_administer;
      this._engineMissing = false;
      this._trouble = null;
      const storedRuns = [...recent.items, ...active.items].filter(run =>
        this._store(run)
      );
      // Some runs may have changed before the stream began, and the stream does not tell about that.
      storedRuns.forEach(run => this._runChanged.emit(run));
      if (status.queued && !status.engine.leading) {
        this._watchEngine();
      }
      this._events.open();
    } catch (reason) {
      this._trouble = Problem.from(reason);
    }
    this._changed.emit();
  }

  /** Compute both lists again, once for all changes. */
  private _refresh(): void {
    if (!this._stale) {
      return;
    }
    this._stale = false;
    const runs = this._order.map(id => this._runs.get(id)!);
    const ended = runs.filter(isTerminal);
    this._active = runs.filter(run => !isTerminal(run) && !run.parent);
    this._recent = ended.filter(run => !run.parent).slice(0, MAX_RECENT);
    // No list shows the others, so they need not be kept.
    const shown = new Set(this._recent);
    ended.filter(run => !shown.has(run)).forEach(run => this._forget(run.id));
    this._stale = false;
  }

  /** Ask from time to time whether an engine leads, as long as a run waits. */
  private _watchEngine(): void {
    this._engineTimer ??= setTimeout(() => {
      this._engineTimer = undefined;
      void this._checkEngine();
    }, ENGINE_GRACE_MS);
  }

  private async _checkEngine(): Promise<void> {
    if (!this.active.some(run => run.phase === 'queued')) {
      return;
    }
    try {
      const { engine } = await this._client.status();
      if (this._engineMissing === engine.leading) {
        this._engineMissing = !engine.leading;
        this._changed.emit();
      }
    } catch {
      // The event stream tells that the server is away.
    }
    this._watchEngine();
  }

  private _active: RunSummary[] = [];
  private _recent: RunSummary[] = [];
  private _trouble: Problem | null = null;
  private _engineMissing = false;
  private _engineTimer: ReturnType<typeof setTimeout> | undefined;
  private _started: Promise<void> | undefined;
  private _user = '';
  private _mayAdminister: boolean | null = null;
  private readonly _runs = new Map<string, RunSummary>();
  /** The ids of these runs, newest first. */
  private readonly _order: string[] = [];
  private readonly _revisions = new Map<string, number>();
  private _stale = false;
  /** Shows a burst of events once per frame. */
  private readonly _frame = new NextFrame(() => this._changed.emit());
  private readonly _changed = new Signal<this, void>(this);
  private readonly _runChanged = new Signal<this, RunSummary>(this);
  private readonly _runDeleted = new Signal<this, string>(this);
}
