import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { Client, Problem, RunInputs } from '../api';

/** The files that a run found beside its notebook. They are read when a person wants to see them. */
export class InputsModel implements IDisposable {
  constructor(
    private readonly _run: string,
    private readonly _client: Pick<Client, 'inputs'>
  ) {}

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The files; null before they were read. */
  get inputs(): RunInputs | null {
    return this._inputs;
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

  /** Read the files. After a success a second call does nothing, because the files never change. */
  async load(): Promise<void> {
    if (this._inputs) {
      return;
    }
    try {
      this._inputs = await this._client.inputs(this._run);
      this._trouble = null;
    } catch (reason) {
      this._trouble = Problem.from(reason);
    }
    this._changed.emit();
  }

  private _inputs: RunInputs | null = null;
  private _trouble: Problem | null = null;
  private _disposed = false;
  private readonly _changed = new Signal<this, void>(this);
}
