import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { Client, DeliveryTimes, Me, Problem, Subscription } from '../api';

export type SettingsState = {
  me: Me | null;
  subscriptions: readonly Subscription[];
  /** The name of what is under way, to show it at its button. */
  busy: 'address' | 'code' | 'times' | 'remove' | null;
  /** The reason why nothing could be read. */
  trouble: Problem | null;
  /** The reason why the last act was refused, with its name. */
  refusal: { act: string; problem: Problem } | null;
  /** The act that was done last, to say so. */
  done: string | null;
};

/** Address, quiet hours and digest of this person, and their subscriptions. */
export class MySettingsModel implements IDisposable {
  constructor(private readonly _client: Pick<Client, 'notifications'>) {}

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get state(): SettingsState {
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
    this._set({ trouble: null });
    try {
      const calls = this._client.notifications;
      const [me, subscriptions] = await Promise.all([calls.me(), calls.list()]);
      this._set({ me, subscriptions });
    } catch (reason) {
      this._set({ trouble: Problem.from(reason) });
    }
  }

  enterAddress(address: string): Promise<boolean> {
    return this._act('address', calls => calls.enterAddress(address));
  }

  confirm(code: string): Promise<boolean> {
    return this._act('code', calls => calls.confirmAddress(code));
  }

  removeAddress(): Promise<boolean> {
    return this._act('remove', calls => calls.removeAddress());
  }

  setTimes(times: DeliveryTimes): Promise<boolean> {
    return this._act('times', calls => calls.setTimes(times));
  }

  /** Let the default count again for the object of a subscription. */
  async unsubscribe(subscription: Subscription): Promise<void> {
    const { object_kind: kind, object_id: id } = subscription;
    try {
      await this._client.notifications.remove(kind, id);
      await this.load();
    } catch (reason) {
      const problem = Problem.from(reason);
      this._set({ refusal: { act: 'unsubscribe', problem } });
    }
  }

  private async _act(
    act: NonNullable<SettingsState['busy']>,
    call: (calls: Client['notifications']) => Promise<Me>
  ): Promise<boolean> {
    this._set({ busy: act, refusal: null, done: null });
    try {
      const me = await call(this._client.notifications);
      this._set({ me, busy: null, done: act });
      return true;
    } catch (reason) {
      const problem = Problem.from(reason);
      this._set({ busy: null, refusal: { act, problem } });
      return false;
    }
  }

  private _set(change: Partial<SettingsState>): void {
    if (!this._isDisposed) {
      this._state = { ...this._state, ...change };
      this._changed.emit();
    }
  }

  private _state: SettingsState = {
    me: null,
    subscriptions: [],
    busy: null,
    trouble: null,
    refusal: null,
    done: null
  };
  private _isDisposed = false;
  private readonly _changed = new Signal<this, void>(this);
}
