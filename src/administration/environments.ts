import { ISignal, Signal } from '@lumino/signaling';

import {
  Client,
  Environment,
  EnvironmentChange,
  Problem,
  Secret,
  Variable
} from '../api';

export type EnvironmentsState = {
  /** The environments in promotion order; null while they are read. */
  environments: Environment[] | null;
  /** The name of the environment on the screen; `NEW` for one that does not exist yet. */
  selected: string | null | typeof NEW;
  /** The variables of the selected environment. */
  variables: Variable[];
  secrets: Secret[];
  trouble: Problem | null;
};

/** Stands for the name of an environment that does not exist yet. No real name has spaces. */
export const NEW = ' new ';

/**
 * Environments with their variables and secrets, for people who may change them.
 *
 * A method that reads leaves its failure in the state; a method that changes something throws a `Problem`.
 */
export class EnvironmentsModel {
  /** Create the model; it calls `onChanged` after each change of an environment. */
  constructor(
    private readonly _client: Client,
    private readonly _onChanged: () => void
  ) {}

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get state(): EnvironmentsState {
    return this._state;
  }

  dispose(): void {
    Signal.clearData(this);
  }

  async load(): Promise<void> {
    try {
      const environments = await this._client.environments.all();
      this._set({ environments, trouble: null });
    } catch (reason) {
      this._set({ trouble: Problem.from(reason) });
    }
  }

  async select(name: EnvironmentsState['selected']): Promise<void> {
    this._set({ selected: name, variables: [], secrets: [] });
    if (name !== null && name !== NEW) {
      await this._loadVariables(name);
    }
  }

  async add(name: string, settings: EnvironmentChange): Promise<void> {
    await this._client.environments.add(name, settings);
    this._onChanged();
    await this.load();
    await this.select(name);
  }

  async change(name: string, settings: EnvironmentChange): Promise<void> {
    await this._client.environments.change(name, settings);
    this._onChanged();
    await this.load();
  }

  async remove(name: string): Promise<void> {
    await this._client.environments.remove(name);
    this._onChanged();
    this._set({ selected: null });
    await this.load();
  }

  async setVariable(name: string, value: string): Promise<void> {
    const { environments } = this._client;
    await this._changeVariables(environment =>
      environments.setVariable(environment, name, value)
    );
  }

  async removeVariable(name: string): Promise<void> {
    const { environments } = this._client;
    await this._changeVariables(environment =>
      environments.removeVariable(environment, name)
    );
  }

  async setSecret(name: string, value: string): Promise<void> {
    const { environments } = this._client;
    await this._changeVariables(environment =>
      environments.setSecret(environment, name, value)
    );
  }

  async removeSecret(name: string): Promise<void> {
    const { environments } = this._client;
    await this._changeVariables(environment =>
      environments.removeSecret(environment, name)
    );
  }

  private async _changeVariables(
    change: (environment: string) => Promise<unknown>
  ): Promise<void> {
    const environment = this._state.selected!;
    await change(environment);
    this._onChanged();
    await this._loadVariables(environment);
  }

  private async _loadVariables(environment: string): Promise<void> {
    const { environments } = this._client;
    try {
      const [variables, secrets] = await Promise.all([
        environments.variables(environment),
        environments.secrets(environment)
      ]);
      if (this._state.selected === environment) {
        this._set({ variables, secrets });
      }
    } catch (reason) {
      this._set({ trouble: Problem.from(reason) });
    }
  }

  private _set(change: Partial<EnvironmentsState>): void {
    this._state = { ...this._state, ...change };
    this._changed.emit();
  }

  private _state: EnvironmentsState = {
    environments: null,
    selected: null,
    variables: [],
    secrets: [],
    trouble: null
  };
  private readonly _changed = new Signal<this, void>(this);
}
