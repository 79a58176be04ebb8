import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { Client, Outputs, Problem } from '../api';

/** The declared outputs of a run. They are read again whenever the run has changed while they are shown. */
export class OutputsModel implements IDisposable {
  constructor(
    private readonly _run: string,
    private readonly _client: Pick<Client, 'outputs' | 'publish'>
  ) {}

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The outputs; null before they were read. */
  get outputs(): Outputs | null {
    return this._outputs;
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

  /** Read them if the run has another revision than at the last call. */
  async refresh(revision: number): Promise<void> {
    if (revision !== this._revision) {
      this._revision = revision;
      await this.load();
    }
  }

  async load(): Promise<void> {
    await this._do(() => this._client.outputs(this._run));
  }

  async publish(overwrite: boolean): Promise<void> {
    await this._do(() => this._client.publish(this._run, overwrite));
  }

  private async _do(call: () => Promise<Outputs>): Promise<void> {
    try {
      this._outputs = await call();
      this._trouble = null;
    } catch (reason) {
      this._trouble = Problem.from(reason);
    }
    this._changed.emit();
  }

  private _revision = -1;
  private _outputs: Outputs | null = null;
  private _trouble: Problem | null = null;
  private _disposed = false;
  private readonly _changed = new Signal<this, void>(this);
}
