import { DisposableDelegate, IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { Client } from './client';
import { EventParser, ServerEvent } from './eventParser';
import { Problem } from './problem';
import { JournalEvent, RunSummary } from './types';

export type StreamState = 'closed' | 'connecting' | 'open' | 'reconnecting';

export type JournalDelta = {
  run_id: string;
  /** Each attempt of a run has a journal of its own, counted from 1. */
  attempt: number;
  events: JournalEvent[];
  complete: boolean;
};

/** A schedule that was changed, or that has decided about ticks, with the kinds of its events. */
export type ScheduleChange = { schedule_id: string; kinds: string[] };

/** A message to people about a tick of a schedule, or about a run. */
export type Message = {
  kind:
    | 'failure'
    | 'recovery'
    | 'late'
    | 'missed'
    | 'refused'
    | 'paused'
    | 'success'
    | 'duration_warning'
    | 'approval_wanted'
    | 'approval_given'
    | 'digest';
  /** The id of the message: one that comes twice has the same. */
  message: string;
  schedule: { id: string; name: string; timezone: string } | null;
  job: { id: string; name: string };
  /** The id of the person for whom the schedule runs, or who submitted the run. */
  owner: string;
  /** The ids of the people whom it is for; older servers leave them out, and mean the owner. */
  people?: string[];
  /** True for a run that a person started: its end is shown to them anyway. */
  by_hand?: boolean;
  occasion?: string;
  /** The ends of all presets, where it is about several. */
  presets?: { preset: string; state: string }[];
  step?: { id: string; title: string };
  approved?: boolean;
  nominal: string | null;
  preset: string;
  /** The number of ticks that the message tells about. */
  count: number;
  run: string | null;
  reason: { code: string; message: string } | null;
  /** It was told before the due time. */
  foreseen?: boolean;
  failures: number;
};

const FIRST_DELAY_MS = 500;
const LAST_DELAY_MS = 10_000;

/** The server sends something every 15 seconds at least. A connection that is silent for this long is dead. */
const SILENCE_MS = 40_000;

/** The server sends this many journals in one stream: those that were asked for last. */
const MAX_JOURNALS = 20;

/**
 * The one event stream of this page.
 *
 * After a lost connection it continues after the last event that it received; a cursor names that event.
 * When the server can no longer continue there, or nothing was received yet, `restarted` tells that the
 * page may have missed changes.
 */
export class EventStream {
  constructor(private readonly _client: Pick<Client, 'request'>) {}

  /** A signal that a run was made or has changed. */
  get run(): ISignal<this, RunSummary> {
    return this._run;
  }

  /** A signal that the run of this id was deleted. */
  get deleted(): ISignal<this, string> {
    return this._deleted;
  }

  /** A signal that a watched journal has grown. */
  get journal(): ISignal<this, JournalDelta> {
    return this._journal;
  }

  get schedule(): ISignal<this, ScheduleChange> {
    return this._schedule;
  }

  get message(): ISignal<this, Message> {
    return this._message;
  }

  /** A signal that the stream connected without a cursor: everything that was read before may be old. */
  get restarted(): ISignal<this, void> {
    return this._restarted;
  }

  get stateChanged(): ISignal<this, StreamState> {
    return this._stateChanged;
  }

  get state(): StreamState {
    return this._state;
  }

  /** Start the stream; do nothing when it has started. */
  open(): void {
    if (this._state === 'closed') {
      this._reopen('connecting');
    }
  }

  close(): void {
    this._connection?.abort();
    this._connection = null;
    this._setState('closed');
  }

  /**
   * Receive the journal of a run until the result is disposed of.
   *
   * It begins at its start, or where this page stopped when it has followed that run before (`hasFollowed`).
   */
  watch(runId: string): IDisposable {
    const count = this._watchCounts.get(runId) ?? 0;
    this._watchCounts.set(runId, count + 1);
    this._followedRuns.add(runId);
    if (count === 0) {
      this._watchedChanged();
    }
    return new DisposableDelegate(() => {
      const remaining = this._watchCounts.get(runId)! - 1;
      if (remaining) {
        this._watchCounts.set(runId, remaining);
      } else {
        // The stream is not reopened for this. It stops sending this journal when it next reopens.
        this._watchCounts.delete(runId);
      }
    });
  }

  hasFollowed(runId: string): boolean {
    return this._followedRuns.has(runId);
  }

  private _watchedChanged(): void {
    if (this._state === 'closed') {
      this.open();
    } else if (!this._reopening) {
      // The page reconnects once when several records are restored at the same time.
      this._reopening = true;
      queueMicrotask(() => {
        this._reopening = false;
        this._reopen(this._state === 'open' ? 'connecting' : this._state);
      });
    }
  }

  private _reopen(state: StreamState): void {
    this._connection?.abort();
    const connection = new AbortController();
    this._connection = connection;
    this._setState(state);
    void this._follow(connection.signal);
  }

  private async _follow(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      try {
        await this._read(signal, () => {
          failures = 0;
        });
      } catch (reason) {
        if (!signal.aborted && refusesCursor(reason)) {
          this._cursor = null;
        }
      }
      if (signal.aborted) {
        return;
      }
      this._setState('reconnecting');
      await delay(backoff(failures++), signal);
    }
  }

  /** Read events until the connection ends. */
  private async _read(signal: AbortSignal, onData: () => void): Promise<void> {
    const watched = [...this._watchCounts.keys()].slice(-MAX_JOURNALS);
    const headers: Record<string, string> = { Accept: 'text/event-stream' };
    const cursor = this._cursor;
    if (cursor !== null) {
      headers['Last-Event-ID'] = cursor;
    }
    const response = await this._client.request(
      watched.length ? `events?journal=${watched.join(',')}` : 'events',
      { headers, signal }
    );
    if (!response.ok || !response.body) {
      throw await Problem.fromResponse(response);
    }
    const parser = new EventParser();
    const decoder = new TextDecoder();
    const reader = response.body.getReader();
    if (cursor === null) {
      this._restarted.emit();
    }
    for (;;) {
      const silenceTimer = setTimeout(() => void reader.cancel(), SILENCE_MS);
      const { done, value } = await reader.read();
      clearTimeout(silenceTimer);
      if (done || signal.aborted) {
        return;
      }
      onData();
      this._setState('open');
      for (const event of parser.push(
        decoder.decode(value, { stream: true })
      )) {
        this._dispatch(event);
      }
    }
  }

  private _dispatch(event: ServerEvent): void {
    this._cursor = event.id ?? this._cursor;
    if (event.name === 'run') {
      this._run.emit(JSON.parse(event.data) as RunSummary);
    } else if (event.name === 'deleted') {
      this._deleted.emit((JSON.parse(event.data) as { run_id: string }).run_id);
    } else if (event.name === 'journal') {
      this._journal.emit(JSON.parse(event.data) as JournalDelta);
    } else if (event.name === 'schedule') {
      this._schedule.emit(JSON.parse(event.data) as ScheduleChange);
    } else if (event.name === 'notification') {
      this._message.emit(JSON.parse(event.data) as Message);
    }
  }

  private _setState(state: StreamState): void {
    if (state !== this._state) {
      this._state = state;
      this._stateChanged.emit(state);
    }
  }

  private _state: StreamState = 'closed';
  private _cursor: string | null = null;
  private _connection: AbortController | null = null;
  private _reopening = false;
  private readonly _watchCounts = new Map<string, number>();
  private readonly _followedRuns = new Set<string>();
  private readonly _run = new Signal<this, RunSummary>(this);
  private readonly _deleted = new Signal<this, string>(this);
  private readonly _journal = new Signal<this, JournalDelta>(this);
  private readonly _schedule = new Signal<this, ScheduleChange>(this);
  private readonly _message = new Signal<this, Message>(this);
  private readonly _restarted = new Signal<this, void>(this);
  private readonly _stateChanged = new Signal<this, StreamState>(this);
}

function refusesCursor(reason: unknown): boolean {
  return (
    reason instanceof Problem && reason.status >= 400 && reason.status < 500
  );
}

/** Return the wait in milliseconds. Half of it is random, so that many pages do not reconnect at once. */
function backoff(failures: number): number {
  const ceiling = Math.min(FIRST_DELAY_MS * 2 ** failures, LAST_DELAY_MS);
  return ceiling * (0.5 + Math.random() / 2);
}

function delay(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const finish = () => {
      clearTimeout(timer);
      window.removeEventListener('online', finish);
      resolve();
    };
    const timer = setTimeout(finish, milliseconds);
    // The browser is the first to know when the network is back.
    window.addEventListener('online', finish);
    signal.addEventListener('abort', finish, { once: true });
  });
}
