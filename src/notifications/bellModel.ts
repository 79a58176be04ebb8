import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { Choice, Client, Me, Problem, SubscriptionKind } from '../api';

export type BellState = {
  /** False until the choice was read. */
  ready: boolean;
  /** The stored choice; null where the default counts. */
  stored: Choice | null;
  me: Me | null;
  saving: boolean;
  problem: Problem | null;
};

type Calls = { notifications: Pick<Client['notifications'], BellCall> };
type BellCall = 'get' | 'set' | 'remove' | 'me';

/** The choice of this person for one object. Each change is stored at once. */
export class BellModel implements IDisposable {
  constructor(
    readonly kind: SubscriptionKind,
    readonly id: string,
    private readonly _client: Calls
  ) {}

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get state(): BellState {
    return this._state;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    Signal.clearData(this);
  }

  async load(): Promise<void> {
    await this._try(async () => {
      const calls = this._client.notifications;
      const [found, me] = await Promise.all([
        calls.get(this.kind, this.id),
        calls.me()
      ]);
      this._set({ ready: true, stored: found.choice, me });
    });
  }

  /** Store the choice; null lets the default count again. */
  async choose(choice: Choice | null): Promise<void> {
    const before = this._state.stored;
    // The boxes follow the person at once, and go back when the server refuses.
    this._set({ stored: choice, saving: true, problem: null });
    const calls = this._client.notifications;
    const turn = ++this._turn;
    try {
      await (choice
        ? calls.set(this.kind, this.id, choice)
        : calls.remove(this.kind, this.id));
      if (turn === this._turn) {
        this._set({ saving: false });
      }
    } catch (reason) {
      if (turn === this._turn) {
        this._set({
          stored: before,
          saving: false,
          problem: Problem.from(reason)
        });
      }
    }
  }

  private async _try(act: () => Promise<void>): Promise<void> {
    this._set({ problem: null });
    try {
      await act();
    } catch (reason) {
      this._set({ problem: Problem.from(reason) });
    }
  }

  private _set(change: Partial<BellState>): void {
    if (!this._isDisposed) {
      this._state = { ...this._state, ...change };
      this._changed.emit();
    }
  }

  private _state: BellState = {
    ready: false,
    stored: null,
    me: null,
    saving: false,
    problem: null
  };
  private _turn = 0;
  private _isDisposed = false;
  private readonly _changed = new Signal<this, void>(this);
}
