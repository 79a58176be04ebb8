import { ISignal, Signal } from '@lumino/signaling';

import {
  Client,
  Delivery,
  MailServer,
  Problem,
  SetTarget,
  Target,
  TargetChange
} from '../api';
import { NEW } from './environments';

export type TargetsState = {
  /** The targets by name; null while they are read. */
  targets: Target[] | null;
  mail: MailServer | null;
  environments: string[];
  /** The name of the target on the screen; `NEW` for one that does not exist yet. */
  selected: string | null;
  /** The last deliveries, to the selected target or to all. */
  log: Delivery[];
  /** The key that was made for the selected target just now. It is shown this once. */
  key: string | null;
  trouble: Problem | null;
};

/**
 * Targets of messages and the mail server, for people who may change them.
 *
 * A method that reads leaves its failure in the state; a method that changes something throws a `Problem`.
 */
export class TargetsModel {
  constructor(private readonly _client: Client) {}

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get state(): TargetsState {
    return this._state;
  }

  dispose(): void {
    Signal.clearData(this);
  }

  async load(): Promise<void> {
    const { targets, environments } = this._client;
    try {
      const [found, mail, places] = await Promise.all([
        targets.all(),
        targets.mailServer(),
        environments.all()
      ]);
      this._set({
        targets: found,
        mail,
        environments: places.map(environment => environment.name),
        trouble: null
      });
      await this._loadLog();
    } catch (reason) {
      this._set({ trouble: Problem.from(reason) });
    }
  }

  async select(name: string | null): Promise<void> {
    this._set({ selected: name, log: [], key: null });
    try {
      await this._loadLog();
    } catch (reason) {
      this._set({ trouble: Problem.from(reason) });
    }
  }

  async put(name: string, change: TargetChange): Promise<SetTarget> {
    const done = await this._client.targets.put(name, change);
    this._set({ selected: name, key: done.key });
    await this.load();
    return done;
  }

  async remove(name: string): Promise<void> {
    await this._client.targets.remove(name);
    this._set({ selected: null, key: null });
    await this.load();
  }

  /** Send a test message, and show it in the log. */
  async test(name: string): Promise<Delivery> {
    const delivery = await this._client.targets.test(name);
    await this._loadLog();
    return delivery;
  }

  async setMailPassword(password: string): Promise<void> {
    this._set({ mail: await this._client.targets.setMailPassword(password) });
  }

  async testMail(address: string): Promise<Delivery> {
    const delivery = await this._client.targets.testMail(address);
    await this._loadLog();
    return delivery;
  }

  private async _loadLog(): Promise<void> {
    const { selected } = this._state;
    const log =
      selected === NEW
        ? []
        : await this._client.targets.log(selected ?? undefined);
    if (this._state.selected === selected) {
      this._set({ log });
    }
  }

  private _set(change: Partial<TargetsState>): void {
    this._state = { ...this._state, ...change };
    this._changed.emit();
  }

  private _state: TargetsState = {
    targets: null,
    mail: null,
    environments: [],
    selected: null,
    log: [],
    key: null,
    trouble: null
  };
  private readonly _changed = new Signal<this, void>(this);
}
