import { IDisposable } from '@lumino/disposable';

const HIDDEN_MS = 200;

/** A task for the next frame. It is done once, also after many requests. */
export class NextFrame implements IDisposable {
  constructor(private readonly _callback: () => void) {}

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
        this._callback();
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
