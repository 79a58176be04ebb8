import { IDisposable } from '@lumino/disposable';

/**
 * Reads something again after events, at most once in an interval, and never twice at the same time. Events that come
 * meanwhile lead to one more reading.
 */
export class Refresher implements IDisposable {
  /** The interval may be a function of what was read last: large answers are read less often. */
  constructor(
    private readonly _read: () => Promise<void>,
    private readonly _intervalMs: number | (() => number)
  ) {}

  get isDisposed(): boolean {
    return this._disposed;
  }

  dispose(): void {
    this._disposed = true;
    clearTimeout(this._timer);
  }

  request(): void {
    if (this._disposed) {
      return;
    }
    if (this._timer !== undefined || this._reading) {
      this._again = true;
      return;
    }
    this._again = false;
    this._reading = true;
    const interval = this._intervalMs;
    this._timer = setTimeout(
      () => {
        this._timer = undefined;
        this._next();
      },
      typeof interval === 'number' ? interval : interval()
    );
    void this._read().finally(() => {
      this._reading = false;
      this._next();
    });
  }

  private _next(): void {
    if (this._again && this._timer === undefined && !this._reading) {
      this.request();
    }
  }

  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _reading = false;
  private _again = false;
  private _disposed = false;
}
