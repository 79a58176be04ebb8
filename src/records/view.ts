import { ISignal, Signal } from '@lumino/signaling';

import type { JobKind } from '../api';

export type Tab =
  | 'notebook'
  | 'report'
  | 'steps'
  | 'points'
  | 'log'
  | 'parameters'
  | 'artifacts';

/** Return the parts that the record of a run of this kind has. The first one is shown first. */
export function tabsOf(kind: JobKind): Tab[] {
  switch (kind) {
    case 'notebook':
      return ['notebook', 'report', 'log', 'parameters', 'artifacts'];
    case 'pipeline':
      return ['steps', 'parameters'];
    case 'sweep':
      return ['points', 'parameters'];
    default:
      return ['log', 'parameters', 'artifacts'];
  }
}

export type ViewState = {
  tab: Tab;
  /** True while the notebook scrolls along with the running cell. */
  following: boolean;
};

/** The part of a record that its reader looks at. */
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
