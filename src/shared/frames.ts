import { IDisposable } from '@lumino/disposable';

const HIDDEN_MS = 200;

/** Does something once in the next frame, however often it is asked for until then. */
export class NextFrame implements IDisposable {
  constructor(private readonly _act: () => void) {}

  get isDisposed(): boolean {
    return this._disposed;
  }

  dispose(): void {
    this._disposed = true;
  }

  request(): void {
    if (this._requested || this._disposed) {
      return;
    }
    this._requested = true;
    const frame = () => {
      this._requested = false;
      if (!this._disposed) {
        this._act();
      }
    };
    // Hidden pages get no animation frames.
    if (document.hidden) {
      setTimeout(frame, HIDDEN_MS);
    } else {
      requestAnimationFrame(frame);
    }
  }

  private _requested = false;
  private _disposed = false;
}
