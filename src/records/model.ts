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
import { failingCell, isTerminal, summaryOf } from '../shared/runs';
import { IRuns } from '../tokens';
import { coalesced, JournalReplay } from './journal';

/** The time in milliseconds that one frame may spend on filling in, so that the page stays usable. */
const FRAME_MS = 12;
const PIECE = 64;

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

  /** A signal that more of the notebook has been filled in. */
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
    this._watching?.dispose();
    this._runs.runChanged.disconnect(this._onRun, this);
    this._events.journal.disconnect(this._onJournal, this);
    this._events.restarted.disconnect(this._onRestarted, this);
    Signal.clearData(this);
  }

  async load(): Promise<void> {
    try {
      this._take(await this._client.run(this.id));
      const live = !isTerminal(this._run!);
      const followed = this._events.followed(this.id);
      if (live) {
        this._watching ??= this._events.watch(this.id);
      }
      const content = await this._client.notebook(this.id);
      if (this._disposed) {
        return;
      }
      this.notebook.fromJSON(
        prepared(content, this._run!.kernel.language, live)
      );
      if (live) {
        this._replay = new JournalReplay(this.notebook);
        if (followed) {
          await this._catchUp();
        }
      }
      this._loaded = true;
      this._trouble = null;
      this._filled.emit();
      this._schedule();
    } catch (reason) {
      this._trouble = Problem.from(reason);
    }
    this._changed.emit();
    void this._runs.start();
  }

  /** Read the whole run again. */
  refresh(): void {
    this._ask();
  }

  private _onRun(_: IRuns, news: RunSummary): void {
    if (news.id !== this.id || !this._run) {
      return;
    }
    if (progressAlone(this._run, news)) {
      this._setRun(withNews(this._run, news));
    } else {
      this._ask();
    }
  }

  /** Show a whole run with the newest known facts. When more than its progress is newer, read it again. */
  private _take(run: Run): void {
    const known = this._runs.newest(run);
    this._setRun(known === run ? run : withNews(run, known));
    if (known !== run && !progressAlone(run, known)) {
      this._ask();
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
    this._turnTo(delta.attempt);
    this._pending.push(...delta.events);
    this._schedule();
    if (delta.complete) {
      this._watching?.dispose();
      this._watching = null;
      if (this._run && !isTerminal(this._run)) {
        // The run ended before the stream began, so the stream told only about its journal.
        this._ask();
      }
    }
  }

  private _onRestarted(): void {
    if (this._loaded && this._watching) {
      this._ask();
    }
  }

  /** Read the whole run. All calls during a request cause one more request together. */
  private _ask(): void {
    if (this._asking) {
      this._askAgain = true;
      return;
    }
    this._asking = true;
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
            this._setRun(withNews(this._run, known));
          }
        }
      )
      .then(() => {
        this._asking = false;
        if (this._askAgain && !this._disposed) {
          this._askAgain = false;
          this._ask();
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
      const piece = this._pending.splice(0, PIECE);
      const gap = this._apply(piece);
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
  private _turnTo(attempt: number): void {
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
    const news = events.filter(event => !this._replay.isKnown(event));
    if (news.length && !this._replay.follows(news[0])) {
      return true;
    }
    for (const event of coalesced(news)) {
      this._replay.apply(event);
    }
    return false;
  }

  /** Read the missing events from the stored journal. */
  private async _catchUp(): Promise<void> {
    if (this._catching) {
      return;
    }
    this._catching = true;
    try {
      for (;;) {
        const after = this._replay.lastSeq;
        const page = await this._client.journal(this.id, after);
        if (this._disposed || !page.events.length) {
          break;
        }
        this._turnTo(page.attempt);
        if (this._apply(page.events) || this._replay.lastSeq === after) {
          break;
        }
      }
      this._filled.emit();
    } finally {
      this._catching = false;
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
  private _catching = false;
  private _asking = false;
  private _askAgain = false;
  private _disposed = false;
  private _watching: IDisposable | null = null;
  private readonly _changed = new Signal<this, void>(this);
  private readonly _filled = new Signal<this, void>(this);
}

/** Add the facts of a summary to a run. A reason that is known already keeps its detail, which summaries leave out. */
function withNews(run: Run, news: RunSummary): Run {
  const isSame = run.reason?.code === news.reason?.code;
  return { ...run, ...news, reason: isSame ? run.reason : news.reason };
}

/** Tell whether only progress has changed, which the summary has as well as the whole run. */
function progressAlone(run: Run, news: RunSummary): boolean {
  return (
    run.phase === news.phase &&
    run.attempt === news.attempt &&
    run.reason?.code === news.reason?.code &&
    run.kept_at === news.kept_at &&
    run.cancel_requested_at === news.cancel_requested_at
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
function prepared(
  content: nbformat.INotebookContent,
  language: string,
  live: boolean
): nbformat.INotebookContent {
  const cells = content.cells.map(cell => {
    const { trusted, ...metadata } = cell.metadata as Record<string, unknown>;
    const kept = { ...cell, metadata } as nbformat.ICell;
    return live && cell.cell_type === 'code'
      ? { ...kept, outputs: [], execution_count: null }
      : kept;
  });
  const language_info = content.metadata.language_info ?? { name: language };
  const metadata = { ...content.metadata, language_info };
  return { ...content, metadata, cells } as nbformat.INotebookContent;
}
