import { ICellModel, isCodeCellModel } from '@jupyterlab/cells';
import type * as nbformat from '@jupyterlab/nbformat';
import type { INotebookModel } from '@jupyterlab/notebook';
import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import {
  Client,
  EventStream,
  JournalDelta,
  JournalEvent,
  Problem,
  Run,
  RunSummary
} from '../api';
import { NextFrame } from '../shared/frames';
import {
  failingCell,
  hasNotebook,
  hasParts,
  isTerminal,
  summaryOf
} from '../shared/runs';
import { IRuns } from '../tokens';
import { coalesceStreams, JournalReplay } from './journal';

/** The time in milliseconds that one frame may spend on filling in, so that the page stays usable. */
const FRAME_MS = 12;
const BATCH_SIZE = 64;

/** One run and its notebook, updated live while it runs. */
export class RecordModel implements IDisposable {
  constructor(
    readonly id: string,
    readonly notebook: INotebookModel,
    private readonly _client: Client,
    private readonly _events: EventStream,
    private readonly _runs: IRuns
  ) {
    this._replay = new JournalReplay(notebook);
    _runs.runChanged.connect(this._onRun, this);
    _events.journal.connect(this._onJournal, this);
    _events.restarted.connect(this._onRestarted, this);
  }

  /** A signal that the run, or the reason why it cannot be shown, has changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** A signal that more of the notebook has been filled in, or that the log of a script has grown. */
  get filled(): ISignal<this, void> {
    return this._filled;
  }

  get run(): Run | null {
    return this._run;
  }

  /**
   * The number of the cell that failed, counted from 1 in the notebook that people wrote: without the cell
   * that has the given values.
   */
  get failingNumber(): number | null {
    const cell = this._run && failingCell(this._run);
    if (cell === null) {
      return null;
    }
    const before = Array.from(this.notebook.cells).slice(0, cell);
    return cell + 1 - before.filter(isInjected).length;
  }

  get trouble(): Problem | null {
    return this._trouble;
  }

  /** True when the notebook has its cells. */
  get isFilled(): boolean {
    return this._loaded;
  }

  get runningCell(): number | null {
    return this._replay.runningCell;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  dispose(): void {
    this._disposed = true;
    this._frame.dispose();
    this._subscription?.dispose();
    this._runs.runChanged.disconnect(this._onRun, this);
    this._events.journal.disconnect(this._onJournal, this);
    this._events.restarted.disconnect(this._onRestarted, this);
    Signal.clearData(this);
  }

  async load(): Promise<void> {
    try {
      this._mergeRun(await this._client.run(this.id));
      const run = this._run!;
      if (hasNotebook(run)) {
        await this._loadNotebook(run);
      } else if (!hasParts(run)) {
        // The page reads the log again whenever the journal of a script grows.
        this._follow(run);
      }
      this._trouble = null;
    } catch (reason) {
      this._trouble = Problem.from(reason);
    }
    this._changed.emit();
    void this._runs.start();
  }

  /** Read the whole run again. */
  refresh(): void {
    this._requestRun();
  }

  private _onRun(_: IRuns, summary: RunSummary): void {
    if (summary.id !== this.id || !this._run) {
      return;
    }
    if (isProgressOnly(this._run, summary)) {
      this._setRun(withSummary(this._run, summary));
    } else {
      this._requestRun();
    }
  }

  private async _loadNotebook(run: Run): Promise<void> {
    const live = !isTerminal(run);
    const followed = this._events.hasFollowed(this.id);
    this._follow(run);
    const content = await this._client.notebook(this.id);
    if (this._disposed) {
      return;
    }
    const language = run.kernel?.language ?? '';
    this.notebook.fromJSON(prepareContent(content, language, live));
    if (live) {
      this._replay = new JournalReplay(this.notebook);
      if (followed) {
        await this._catchUp();
      }
    }
    this._loaded = true;
    this._filled.emit();
    this._schedule();
  }

  /** Ask for the journal of the run until its end. */
  private _follow(run: Run): void {
    if (!isTerminal(run)) {
      this._subscription ??= this._events.watch(this.id);
    }
  }

  /** Show a whole run with the newest known facts. When more than its progress is newer, read it again. */
  private _mergeRun(run: Run): void {
    const known = this._runs.newest(run);
    this._setRun(known === run ? run : withSummary(run, known));
    if (known !== run && !isProgressOnly(run, known)) {
      this._requestRun();
    }
  }

  private _setRun(run: Run): void {
    this._run = run;
    this._changed.emit();
  }

  private _onJournal(_: EventStream, delta: JournalDelta): void {
    if (delta.run_id !== this.id) {
      return;
    }
    if (this._run && !hasNotebook(this._run)) {
      this._filled.emit();
    } else {
      this._switchAttempt(delta.attempt);
      this._pending.push(...delta.events);
      this._schedule();
    }
    if (delta.complete) {
      this._subscription?.dispose();
      this._subscription = null;
      if (this._run && !isTerminal(this._run)) {
        // The run ended before the stream began, so the stream told only about its journal.
        this._requestRun();
      }
    }
  }

  private _onRestarted(): void {
    if (this._loaded && this._subscription) {
      this._requestRun();
    }
  }

  /** Read the whole run. All calls during a request cause one more request together. */
  private _requestRun(): void {
    if (this._requesting) {
      this._requestAgain = true;
      return;
    }
    this._requesting = true;
    void this._client
      .run(this.id)
      .then(
        run => {
          this._setRun(run);
          this._runs.add(summaryOf(run));
        },
        () => {
          // The page shows the summary that is known until the server answers.
          const known = this._runs.get(this.id);
          if (known && this._run) {
            this._setRun(withSummary(this._run, known));
          }
        }
      )
      .then(() => {
        this._requesting = false;
        if (this._requestAgain && !this._disposed) {
          this._requestAgain = false;
          this._requestRun();
        }
      });
  }

  private _schedule(): void {
    if (this._loaded) {
      this._frame.request();
    }
  }

  private _fill(): void {
    const end = performance.now() + FRAME_MS;
    while (this._pending.length && performance.now() < end) {
      const batch = this._pending.splice(0, BATCH_SIZE);
      const gap = this._apply(batch);
      if (gap) {
        this._pending = [];
        void this._catchUp();
        return;
      }
    }
    this._filled.emit();
    if (this._pending.length) {
      this._schedule();
    }
  }

  /** Turn to an attempt. Its outputs replace those of the attempt before; an earlier attempt changes nothing. */
  private _switchAttempt(attempt: number): void {
    if (attempt <= this._attempt) {
      return;
    }
    if (this._attempt > 0) {
      this._pending = [];
      this._replay = new JournalReplay(this.notebook);
      for (const cell of this.notebook.cells) {
        if (isCodeCellModel(cell)) {
          cell.clearExecution();
        }
      }
    }
    this._attempt = attempt;
  }

  /** Apply events in order. Return true when an event is missing before them. */
  private _apply(events: JournalEvent[]): boolean {
    const newEvents = events.filter(event => !this._replay.isKnown(event));
    if (newEvents.length && !this._replay.follows(newEvents[0])) {
      return true;
    }
    for (const event of coalesceStreams(newEvents)) {
      this._replay.apply(event);
    }
    return false;
  }

  /** Read the missing events from the stored journal. */
  private async _catchUp(): Promise<void> {
    if (this._catchingUp) {
      return;
    }
    this._catchingUp = true;
    try {
      for (;;) {
        const after = this._replay.lastSeq;
        const page = await this._client.journal(this.id, after);
        if (this._disposed || !page.events.length) {
          break;
        }
        this._switchAttempt(page.attempt);
        if (this._apply(page.events) || this._replay.lastSeq === after) {
          break;
        }
      }
      this._filled.emit();
    } finally {
      this._catchingUp = false;
      this._schedule();
    }
  }

  private _run: Run | null = null;
  private _trouble: Problem | null = null;
  private _replay: JournalReplay;
  private _attempt = 0;
  private _pending: JournalEvent[] = [];
  private _loaded = false;
  private readonly _frame = new NextFrame(() => this._fill());
  private _catchingUp = false;
  private _requesting = false;
  private _requestAgain = false;
  private _disposed = false;
  private _subscription: IDisposable | null = null;
  private readonly _changed = new Signal<this, void>(this);
  private readonly _filled = new Signal<this, void>(this);
}

/** Add the facts of a summary to a run. A reason that is known already keeps its detail, which summaries leave out. */
function withSummary(run: Run, summary: RunSummary): Run {
  const isSame = run.reason?.code === summary.reason?.code;
  return { ...run, ...summary, reason: isSame ? run.reason : summary.reason };
}

/** Tell whether only progress has changed, which the summary has as well as the whole run. */
function isProgressOnly(run: Run, summary: RunSummary): boolean {
  return (
    run.phase === summary.phase &&
    run.attempt === summary.attempt &&
    run.reason?.code === summary.reason?.code &&
    run.kept_at === summary.kept_at &&
    run.cancel_requested_at === summary.cancel_requested_at
  );
}

function isInjected(cell: ICellModel): boolean {
  const tags: unknown = cell.getMetadata('tags');
  return Array.isArray(tags) && tags.includes('injected-parameters');
}

/**
 * Prepare the notebook for the model. Nothing in it is trusted; when the journal will fill it in (again), it
 * has no outputs.
 */
function prepareContent(
  content: nbformat.INotebookContent,
  language: string,
  live: boolean
): nbformat.INotebookContent {
  const cells = content.cells.map(cell => {
    const { trusted, ...metadata } = cell.metadata as Record<string, unknown>;
    const copy = { ...cell, metadata } as nbformat.ICell;
    return live && cell.cell_type === 'code'
      ? { ...copy, outputs: [], execution_count: null }
      : copy;
  });
  const language_info = content.metadata.language_info ?? { name: language };
  const metadata = { ...content.metadata, language_info };
  return { ...content, metadata, cells } as nbformat.INotebookContent;
}
