import { UUID } from '@lumino/coreutils';
import { ISignal, Signal } from '@lumino/signaling';

import { Actor, Client, EventStream, Problem, Run } from '../api';
import { isOlder, isTerminal, newestFirst } from '../shared/runs';
import { IRuns } from '../tokens';

const RECENT = 20;
const ACTIVE = 'created,awaiting_approval,queued,active,retry_wait'.split(',');

/** An engine that was just started needs this long to lead. */
const ENGINE_GRACE_MS = 5000;

/** The runs of the sidebar, and the one place that hears of all changes. */
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

  get runChanged(): ISignal<this, Run> {
    return this._runChanged;
  }

  get runDeleted(): ISignal<this, string> {
    return this._runDeleted;
  }

  get mayAdminister(): boolean | null {
    return this._mayAdminister;
  }

  get active(): readonly Run[] {
    return this._active;
  }

  get recent(): readonly Run[] {
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

  get(id: string): Run | undefined {
    return this._runs.get(id);
  }

  newest(run: Run): Run {
    const known = this._runs.get(run.id);
    return known && isOlder(run, known) ? known : run;
  }

  isMine(run: Run): boolean {
    return run.created_by.id === this._user;
  }

  mayChange(it: { created_by: Actor }): boolean {
    return it.created_by.id === this._user || this._mayAdminister === true;
  }

  start(): Promise<void> {
    this._started ??= this._load();
    return this._started;
  }

  retry(): Promise<void> {
    this._started = this._load();
    return this._started;
  }

  add(run: Run): void {
    if (!this._take(run)) {
      return;
    }
    this._sort();
    this._runChanged.emit(run);
    this._changed.emit();
    if (run.phase === 'queued') {
      this._watchEngine();
    } else if (run.state === 'active') {
      this._engineMissing = false;
    }
  }

  async cancel(id: string): Promise<Run> {
    return this._added(await this._client.cancel(id));
  }

  async rerun(id: string): Promise<Run> {
    const key = UUID.uuid4();
    return this._added(await this._client.rerun(id, {}, key));
  }

  async delete(id: string): Promise<void> {
    await this._client.delete(id);
    this._remove(id);
  }

  async keep(id: string, kept: boolean): Promise<Run> {
    return this._added(await this._client.keep(id, kept));
  }

  /** False where it is older than what is known. */
  private _take(run: Run): boolean {
    if (this.newest(run) !== run) {
      return false;
    }
    this._runs.set(run.id, run);
    return true;
  }

  private _remove(id: string): void {
    this._runs.delete(id);
    this._sort();
    this._runDeleted.emit(id);
    this._changed.emit();
  }

  private _added(run: Run): Run {
    this.add(run);
    return run;
  }

  private async _load(): Promise<void> {
    try {
      const [status, active, recent] = await Promise.all([
        this._client.status(),
        this._client.runs({ state: ACTIVE, limit: 100 }),
        this._client.runs({ limit: RECENT })
      ]);
      this._user = status.user.id;
      this._mayAdminister = status.may_administer;
      this._engineMissing = false;
      this._trouble = null;
      const taken = [...recent.items, ...active.items].filter(run =>
        this._take(run)
      );
      this._sort();
      // Some may have changed before the stream began, which does not tell of that.
      taken.forEach(run => this._runChanged.emit(run));
      if (status.queued && !status.engine.leading) {
        this._watchEngine();
      }
      this._events.open();
    } catch (reason) {
      this._trouble = Problem.from(reason);
    }
    this._changed.emit();
  }

  private _sort(): void {
    const runs = newestFirst(this._runs.values());
    this._active = runs.filter(run => !isTerminal(run));
    this._recent = runs.filter(isTerminal).slice(0, RECENT);
    // What is shown nowhere need not be kept.
    const kept = new Set([...this._active, ...this._recent]);
    for (const run of runs) {
      if (!kept.has(run)) {
        this._runs.delete(run.id);
      }
    }
  }

  /** Ask once in a while who leads, for as long as something waits. */
  private _watchEngine(): void {
    this._engineTimer ??= setTimeout(() => {
      this._engineTimer = undefined;
      void this._lookForEngine();
    }, ENGINE_GRACE_MS);
  }

  private async _lookForEngine(): Promise<void> {
    if (!this._active.some(run => run.phase === 'queued')) {
      return;
    }
    try {
      const { engine } = await this._client.status();
      if (this._engineMissing === engine.leading) {
        this._engineMissing = !engine.leading;
        this._changed.emit();
      }
    } catch {
      // The stream says that the server is away.
    }
    this._watchEngine();
  }

  private _active: Run[] = [];
  private _recent: Run[] = [];
  private _trouble: Problem | null = null;
  private _engineMissing = false;
  private _engineTimer: ReturnType<typeof setTimeout> | undefined;
  private _started: Promise<void> | undefined;
  private _user = '';
  private _mayAdminister: boolean | null = null;
  private readonly _runs = new Map<string, Run>();
  private readonly _changed = new Signal<this, void>(this);
  private readonly _runChanged = new Signal<this, Run>(this);
  private readonly _runDeleted = new Signal<this, string>(this);
}
