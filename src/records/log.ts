import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { Client, Problem } from '../api';

const SHOWN = 1_000_000;

export type Log = {
  text: string;
  /** The beginning is left out. */
  cut: boolean;
  trouble: Problem | null;
};

/** The log of a run, read on from where it ended. */
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

  /** Read what is new. Calls in quick succession make one request a second, and fewer where the log is long. */
  refresh(): void {
    if (this._disposed || this._timer !== undefined) {
      this._again = true;
      return;
    }
    this._again = false;
    this._timer = setTimeout(
      () => {
        this._timer = undefined;
        if (this._again) {
          this.refresh();
        }
      },
      1000 + this._size / 1000
    );
    void this._read();
  }

  private async _read(): Promise<void> {
    if (this._reading) {
      this._again = true;
      return;
    }
    this._reading = true;
    try {
      const { bytes, whole } = await this._client.log(this._id, this._size);
      if (whole) {
        this._decoder = new TextDecoder();
        this._size = 0;
        this._text = '';
      }
      this._size += bytes.length;
      const line = this._text.lastIndexOf('\n') + 1;
      this._text =
        this._text.slice(0, line) +
        overwritten(
          this._text.slice(line) +
            plain(this._decoder.decode(bytes, { stream: true }))
        );
      const cut = this._log.cut || this._text.length > SHOWN;
      this._text = this._text.slice(-SHOWN);
      this._log = { text: this._text, cut, trouble: null };
    } catch (reason) {
      this._log = { ...this._log, trouble: Problem.from(reason) };
    }
    this._reading = false;
    this._changed.emit();
  }

  private _log: Log = { text: '', cut: false, trouble: null };
  private _text = '';
  private _size = 0;
  private _decoder = new TextDecoder();
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _again = false;
  private _reading = false;
  private _disposed = false;
  private readonly _changed = new Signal<this, void>(this);
}

/** Without the sequences that colour a terminal. */
function plain(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, '');
}

/** As a terminal shows it: a carriage return starts the line again, a backspace takes a character back. */
function overwritten(text: string): string {
  return text.split('\n').map(lastOf).join('\n');
}

function lastOf(line: string): string {
  // A return at the end overwrites nothing until something follows.
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
