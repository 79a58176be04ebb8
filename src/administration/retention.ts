import { ISignal, Signal } from '@lumino/signaling';

import {
  Client,
  Problem,
  RetentionPreview,
  RetentionRemoval,
  RetentionRule
} from '../api';

export type RetentionState = {
  /** The stored rules; null while they are read. */
  rules: RetentionRule[] | null;
  environments: string[];
  /** The runs that the rules on the screen would delete. */
  preview: RetentionPreview | null;
  removed: RetentionRemoval | null;
  trouble: Problem | null;
};

/**
 * The retention rules, and the runs that they delete.
 *
 * A method that reads leaves its failure in the state; a method that changes something throws a `Problem`.
 */
export class RetentionModel {
  constructor(private readonly _client: Client) {}

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get state(): RetentionState {
    return this._state;
  }

  dispose(): void {
    Signal.clearData(this);
  }

  async load(): Promise<void> {
    try {
      const [rules, environments] = await Promise.all([
        this._client.retention.rules(),
        this._client.environments.all()
      ]);
      this._set({
        rules,
        environments: environments.map(environment => environment.name),
        trouble: null
      });
    } catch (reason) {
      this._set({ trouble: Problem.from(reason) });
    }
  }

  async preview(rules: RetentionRule[]): Promise<void> {
    const preview = await this._client.retention.preview(rules);
    this._set({ preview, removed: null });
  }

  async save(rules: RetentionRule[]): Promise<void> {
    this._set({ rules: await this._client.retention.setRules(rules) });
  }

  /** Delete runs now by the stored rules. */
  async apply(): Promise<void> {
    const removed = await this._client.retention.apply();
    this._set({ removed, preview: null });
  }

  /** Forget the preview and the result: the rules on the screen have changed. */
  forget(): void {
    this._set({ preview: null, removed: null });
  }

  private _set(change: Partial<RetentionState>): void {
    this._state = { ...this._state, ...change };
    this._changed.emit();
  }

  private _state: RetentionState = {
    rules: null,
    environments: [],
    preview: null,
    removed: null,
    trouble: null
  };
  private readonly _changed = new Signal<this, void>(this);
}
