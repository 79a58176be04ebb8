import { ISignal, Signal } from '@lumino/signaling';

import { Client, Problem, RepairPreview, RepairRequest } from '../api';

export type RepairState = {
  /** True for the files as they are now, false for the version of the run. */
  newer: boolean;
  /** The step to start from, and the last one; empty for none. */
  from: string;
  until: string;
  /** The preview of this repair; null while it is made, and when it is refused. */
  preview: RepairPreview | null;
  /** The reason why there is no preview. */
  trouble: unknown;
};

/** The choice of what a repair runs again, with a preview that follows it. */
export class RepairModel {
  constructor(
    private readonly _client: Client,
    readonly run: string
  ) {}

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get state(): RepairState {
    return this._state;
  }

  get request(): RepairRequest {
    const { newer, from, until } = this._state;
    return { newer, start_from: from ? [from] : [], until: until || null };
  }

  /** Change the choice and read its preview. An answer to an earlier choice is dropped. */
  async choose(
    change: Partial<Pick<RepairState, 'newer' | 'from' | 'until'>>
  ): Promise<void> {
    const asked = ++this._asked;
    this._set({ ...this._state, ...change, preview: null, trouble: null });
    let answer: Partial<RepairState>;
    try {
      answer = {
        preview: await this._client.pipelines.previewRepair(
          this.run,
          this.request
        )
      };
    } catch (reason) {
      answer = { trouble: reason };
    }
    if (asked === this._asked) {
      this._set({ ...this._state, ...answer });
    }
  }

  private _set(state: RepairState): void {
    this._state = state;
    this._changed.emit();
  }

  private _asked = 0;
  private _changed = new Signal<this, void>(this);
  private _state: RepairState = {
    newer: false,
    from: '',
    until: '',
    preview: null,
    trouble: null
  };
}

/** Return the sentence that says why there is no preview. */
export function sentenceOf(trouble: unknown): string {
  return (trouble as Problem | Error).message;
}
