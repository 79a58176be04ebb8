import { IDisposable } from '@lumino/disposable';

/** Requests that follow what changes: however often they are asked for, there are few of them, one at a time. */
export class Throttle implements IDisposable {
  /** `read` makes a request, and rejects for none. `interval` is the least time between two in milliseconds. */
  constructor(
    private readonly _read: () => Promise<void>,
    private readonly _interval: () => number
  ) {}

  get isDisposed(): boolean {
    return this._disposed;
  }

  dispose(): void {
    this._disposed = true;
    clearTimeout(this._timer);
  }

  /** Read now, or as soon as the interval and the request under way are over. */
  request(): void {
    if (this._disposed || this._timer !== undefined || this._reading) {
      this._again = true;
      return;
    }
    this._again = false;
    this._timer = setTimeout(() => {
      this._timer = undefined;
      this._goOn();
    }, this._interval());
    this._reading = true;
    void this._read().finally(() => {
      this._reading = false;
      this._goOn();
    });
  }

  private _goOn(): void {
    if (this._again && this._timer === undefined && !this._reading) {
      this.request();
    }
  }

  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _again = false;
  private _reading = false;
  private _disposed = false;
}
