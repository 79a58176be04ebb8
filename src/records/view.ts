import { ISignal, Signal } from '@lumino/signaling';

export type Tab = 'notebook' | 'report' | 'log' | 'parameters' | 'artifacts';

export type ViewState = {
  tab: Tab;
  /** The notebook scrolls along with the running cell. */
  following: boolean;
};

/** What the reader of a record is looking at. */
export class RecordView {
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get state(): ViewState {
    return this._state;
  }

  set(change: Partial<ViewState>): void {
    this._state = { ...this._state, ...change };
    this._changed.emit();
  }

  private _state: ViewState = { tab: 'notebook', following: true };
  private readonly _changed = new Signal<this, void>(this);
}
