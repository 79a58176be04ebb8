import { Connection, pathOf } from './connection';
import {
  Environment,
  EnvironmentChange,
  JobKind,
  Page,
  Placement,
  Secret,
  Variable
} from './types';

/** Environments, their variables and secrets, and the choices that a person has in them. */
export class EnvironmentsClient {
  constructor(private readonly _connection: Connection) {}

  /** List the choices in each environment, in promotion order. `kernel` and `language` are the source's. */
  async placements(
    kernel?: string,
    language?: string,
    kind?: JobKind
  ): Promise<Placement[]> {
    return this._items('placements', { kernel, language, kind });
  }

  all(): Promise<Environment[]> {
    return this._items('environments');
  }

  add(name: string, settings: EnvironmentChange): Promise<Environment> {
    const { revision: _, ...rest } = settings;
    return this._connection.send('POST', 'environments', { ...rest, name });
  }

  change(name: string, settings: EnvironmentChange): Promise<Environment> {
    return this._connection.send('PUT', pathOf('environments', name), settings);
  }

  remove(name: string): Promise<Environment> {
    return this._connection.send('DELETE', pathOf('environments', name));
  }

  variables(environment: string): Promise<Variable[]> {
    return this._items(pathOf('environments', environment, 'variables'));
  }

  setVariable(
    environment: string,
    name: string,
    value: string
  ): Promise<Variable> {
    const path = pathOf('environments', environment, 'variables', name);
    return this._connection.send('PUT', path, { value });
  }

  removeVariable(environment: string, name: string): Promise<Variable> {
    const path = pathOf('environments', environment, 'variables', name);
    return this._connection.send('DELETE', path);
  }

  /** List the secrets, never with their values. */
  secrets(environment: string): Promise<Secret[]> {
    return this._items(pathOf('environments', environment, 'secrets'));
  }

  setSecret(environment: string, name: string, value: string): Promise<Secret> {
    const path = pathOf('environments', environment, 'secrets', name);
    return this._connection.send('PUT', path, { value });
  }

  removeSecret(environment: string, name: string): Promise<Secret> {
    const path = pathOf('environments', environment, 'secrets', name);
    return this._connection.send('DELETE', path);
  }

  private async _items<T>(
    path: string,
    query: Record<string, string | undefined> = {}
  ): Promise<T[]> {
    return (await this._connection.get<Page<T>>(path, query)).items;
  }
}
