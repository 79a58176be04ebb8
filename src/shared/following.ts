import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { Refresher } from './refresh';

/** A state that is read from the server at the first refresh, and again after events that may have changed it. */
export abstract class Following<T> implements IDisposable {
  /** The interval is the least time in milliseconds between two requests, however many events come. */
  protected constructor(initial: T, interval: number | (() => number)) {
    this._state = initial;
    this._refresher = new Refresher(async () => {
      this.setState(await this.read());
    }, interval);
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get state(): T {
    return this._state;
  }

  get isDisposed(): boolean {
    return this._refresher.isDisposed;
  }

  dispose(): void {
    this._refresher.dispose();
    this._stop.forEach(stop => stop());
    Signal.clearData(this);
  }

  /** Read the state again. Many calls in a short time make few requests. */
  refresh(): void {
    this._isFollowing = true;
    this._refresher.request();
  }

  /** Return the state that the server has now, with the trouble where it cannot be read. */
  protected abstract read(): Promise<T>;

  /** Read the state again when a signal is emitted, from the first refresh on; where `isNews` is given, when it holds. */
  protected follow<A>(
    signal: ISignal<unknown, A>,
    isNews: (args: A) => boolean = () => true
  ): void {
    const onEmit = (_: unknown, args: A) => {
      if (this._isFollowing && isNews(args)) {
        this._refresher.request();
      }
    };
    signal.connect(onEmit);
    this._stop.push(() => signal.disconnect(onEmit));
  }

  protected setState(state: T): void {
    if (!this.isDisposed) {
      this._state = state;
      this._changed.emit();
    }
  }

  private _state: T;
  private _isFollowing = false;
  private readonly _refresher: Refresher;
  private readonly _stop: (() => void)[] = [];
  private readonly _changed = new Signal<this, void>(this);
}
