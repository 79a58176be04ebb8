import { ISignal, Signal } from '@lumino/signaling';

import { sameWhereEqual } from '../../shared/same';
import { edgeKey, Need } from './graph';

export type Selected = {
  readonly steps: readonly string[];
  readonly edges: readonly Need[];
};

const NOTHING: Selected = { steps: [], edges: [] };

/** The steps and edges that are selected in the editor of a pipeline. All parts of the editor share it. */
export class Selection {
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get selected(): Selected {
    return this._selected;
  }

  /** The step whose properties are shown: the only one that is selected. */
  get step(): string | null {
    const { steps, edges } = this._selected;
    return steps.length === 1 && !edges.length ? steps[0] : null;
  }

  /** Select these in the place of what is selected. A part that is not given stays as it is. */
  set(selected: Partial<Selected>): void {
    const next = sameWhereEqual(this._selected, {
      ...this._selected,
      ...selected
    });
    if (next !== this._selected) {
      this._selected = next;
      this._changed.emit();
    }
  }

  /** Select one step alone. */
  select(step: string): void {
    this.set({ ...NOTHING, steps: [step] });
  }

  /** Forget the selected steps and edges that are not among these. */
  keep(steps: readonly { id: string }[], edges: readonly Need[]): void {
    const ids = new Set(steps.map(({ id }) => id));
    const keys = new Set(edges.map(edgeKey));
    const kept = {
      steps: this._selected.steps.filter(id => ids.has(id)),
      edges: this._selected.edges.filter(edge => keys.has(edgeKey(edge)))
    };
    if (
      kept.steps.length < this._selected.steps.length ||
      kept.edges.length < this._selected.edges.length
    ) {
      this.set(kept);
    }
  }

  clear(): void {
    this.set(NOTHING);
  }

  private _selected: Selected = NOTHING;
  private readonly _changed = new Signal<this, void>(this);
}
