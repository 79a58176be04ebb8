import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { Client, Problem } from '../api';

const MAX_SHOWN_LENGTH = 1_000_000;
const REFRESH_INTERVAL_MS = 1000;

export type Log = {
  text: string;
  /** True when the beginning is left out. */
  truncated: boolean;
  trouble: Problem | null;
};

/** The end of a run's log. Each reading continues where the last one ended. */
export class LogModel implements IDisposable {
  constructor(
    private readonly _id: string,
    private readonly _client: Client
  ) {}

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get log(): Log {
    return this._log;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  dispose(): void {
    this._disposed = true;
    clearTimeout(this._timer);
    Signal.clearData(this);
  }

  /** Read the new part. Calls in quick succession make one request per second. */
  refresh(): void {
    if (this._disposed || this._timer !== undefined) {
      this._refreshAgain = true;
      return;
    }
    this._refreshAgain = false;
    this._timer = setTimeout(() => {
      this._timer = undefined;
      if (this._refreshAgain) {
        this.refresh();
      }
    }, REFRESH_INTERVAL_MS);
    void this._read();
  }

  private async _read(): Promise<void> {
    if (this._reading) {
      this._refreshAgain = true;
      return;
    }
    this._reading = true;
    try {
      const start = this._size || -MAX_SHOWN_LENGTH;
      const { bytes, from } = await this._client.log(this._id, start);
      if (from !== this._size) {
        this._restart(from);
      }
      this._size += bytes.length;
      let newText = this._decoder.decode(bytes, { stream: true });
      if (this._isInsideLine && bytes.length) {
        // The first line lacks its beginning.
        newText = newText.slice(newText.indexOf('\n') + 1);
        this._isInsideLine = false;
      }
      const line = this._text.lastIndexOf('\n') + 1;
      this._text =
        this._text.slice(0, line) +
        applyOverwrites(this._text.slice(line) + stripAnsi(newText));
      this._truncated ||= this._text.length > MAX_SHOWN_LENGTH;
      this._text = this._text.slice(-MAX_SHOWN_LENGTH);
      this._log = {
        text: this._text,
        truncated: this._truncated,
        trouble: null
      };
    } catch (reason) {
      this._log = { ...this._log, trouble: Problem.from(reason) };
    }
    this._reading = false;
    this._changed.emit();
  }

  /** Start again: show the log from this byte on, without the text that was shown. */
  private _restart(from: number): void {
    this._decoder = new TextDecoder();
    this._size = from;
    this._text = '';
    this._isInsideLine = this._truncated = from > 0;
  }

  private _log: Log = { text: '', truncated: false, trouble: null };
  private _text = '';
  private _size = 0;
  private _truncated = false;
  private _isInsideLine = false;
  private _decoder = new TextDecoder();
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _refreshAgain = false;
  private _reading = false;
  private _disposed = false;
  private readonly _changed = new Signal<this, void>(this);
}

/** Remove the sequences that colour a terminal. */
function stripAnsi(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, '');
}

/** Return what a terminal shows: a carriage return starts the line again, a backspace removes a character. */
function applyOverwrites(text: string): string {
  return text.split('\n').map(overwriteLine).join('\n');
}

function overwriteLine(line: string): string {
  // A carriage return at the end overwrites nothing until more text follows.
  const before = line.endsWith('\r') ? line.length - 2 : line.length;
  const last = line.slice(line.lastIndexOf('\r', before) + 1);
  if (!last.includes('\b')) {
    return last;
  }
  const kept: string[] = [];
  for (const character of last) {
    if (character === '\b') {
      kept.pop();
    } else {
      kept.push(character);
    }
  }
  return kept.join('');
}
