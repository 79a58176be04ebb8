import { ISignal, Signal } from '@lumino/signaling';

export type EditorViewState = {
  /** How the steps are shown. */
  steps: 'graph' | 'list';
  /** Whether the form for a new step is shown. */
  isAdding: boolean;
};

/** The choices of a person about how an editor shows its pipeline. */
export class EditorView {
  constructor(steps: EditorViewState['steps']) {
    this._state = { steps, isAdding: false };
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get state(): EditorViewState {
    return this._state;
  }

  set(change: Partial<EditorViewState>): void {
    this._state = { ...this._state, ...change };
    this._changed.emit();
  }

  private readonly _changed = new Signal<this, void>(this);
  private _state: EditorViewState;
}
