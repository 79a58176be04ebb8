import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { Client, Comparison, Problem } from '../api';

/** A run beside the last one that succeeded. It is read once, when a person can see it. */
export class ComparisonModel implements IDisposable {
  constructor(
    private readonly _run: string,
    private readonly _client: Pick<Client, 'comparison'>
  ) {}

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The comparison; null before it was read. */
  get comparison(): Comparison | null {
    return this._comparison;
  }

  get trouble(): Problem | null {
    return this._trouble;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  dispose(): void {
    this._disposed = true;
    Signal.clearData(this);
  }

  /** Read it. A call during a request or after a success does nothing. */
  async load(): Promise<void> {
    if (this._comparison || this._loading) {
      return;
    }
    this._loading = true;
    try {
      this._comparison = await this._client.comparison(this._run);
      this._trouble = null;
    } catch (reason) {
      this._trouble = Problem.from(reason);
    }
    this._loading = false;
    if (!this._disposed) {
      this._changed.emit();
    }
  }

  private _comparison: Comparison | null = null;
  private _trouble: Problem | null = null;
  private _loading = false;
  private _disposed = false;
  private readonly _changed = new Signal<this, void>(this);
}
