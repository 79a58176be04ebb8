import { PathExt } from '@jupyterlab/coreutils';
import type { Contents, KernelSpec } from '@jupyterlab/services';
import { ISignal, Signal } from '@lumino/signaling';

import type { Client, Inspection, Placement } from '../../api';
import { kindOfPath } from '../../shared/kinds';

/** The time in which changes are told together, in milliseconds. */
const TELL_AFTER = 20;

/** A result that may not be there yet; null where it could not be read. */
export type Lookup<T> = T | null | undefined;

type Options = {
  client: Client;
  contents: Contents.IManager;
  kernels: KernelSpec.IManager;
  /** Return the path of the pipeline's file in Lab. */
  path: () => string;
};

/** The things around a pipeline that its editor offers: files, parameters of notebooks, values, images, kernels. */
export class Lookups {
  constructor(private readonly _options: Options) {}

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** A number that is another one after each change. */
  get revision(): number {
    return this._revision;
  }

  /** Return what the server finds in a notebook or script. `path` is from the folder of the pipeline. */
  inspection(path: string): Lookup<Inspection> {
    return this._find(`inspection ${path}`, () =>
      this._options.client.inspect({
        path: this._options.contents.localPath(this.pathInLab(path))
      })
    );
  }

  /** Return the names of the values that a notebook or script seems to record. */
  values(path: string): Lookup<string[]> {
    return this._find(`values ${path}`, async () => {
      const { content } = await this._options.contents.get(
        this.pathInLab(path)
      );
      return recordedNames(content);
    });
  }

  /** Return the notebooks and scripts beside the pipeline. */
  files(): Lookup<string[]> {
    return this._find('files', async () => {
      const folder = PathExt.dirname(this._options.path());
      const { content } = await this._options.contents.get(folder);
      return (content as Contents.IModel[])
        .filter(({ type }) => type !== 'directory')
        .map(({ name }) => name)
        .filter(name => ['notebook', 'script'].includes(kindOfPath(name) ?? ''))
        .sort();
    });
  }

  placements(): Lookup<Placement[]> {
    return this._find('placements', () =>
      this._options.client.environments.placements()
    );
  }

  /** Return the kernels of this server, by name. */
  kernels(): [string, string][] {
    const specs = this._options.kernels.specs?.kernelspecs ?? {};
    return Object.entries(specs).map(([name, spec]) => [
      name,
      spec?.display_name ?? name
    ]);
  }

  /** Return the path in Lab of a path from the folder of the pipeline. */
  pathInLab(path: string): string {
    const { contents, path: own } = this._options;
    const drive = contents.driveName(own());
    const local = PathExt.join(
      PathExt.dirname(contents.localPath(own())),
      path
    );
    return drive ? `${drive}:${local}` : local;
  }

  /** Return the path from the folder of the pipeline. */
  relative(path: string): string {
    const { contents, path: own } = this._options;
    return PathExt.relative(
      PathExt.dirname(contents.localPath(own())),
      contents.localPath(path)
    );
  }

  /** Look everything up again: files may have changed. */
  refresh(): void {
    this._stale = new Set(this._found.keys());
    this._tell();
  }

  private _find<T>(key: string, look: () => Promise<T>): Lookup<T> {
    if (!this._found.has(key) || this._stale.delete(key)) {
      if (!this._found.has(key)) {
        this._found.set(key, undefined);
      }
      const keep = (found: T | null) => {
        this._found.set(key, found);
        this._tell();
      };
      look().then(keep, () => keep(null));
    }
    return this._found.get(key) as Lookup<T>;
  }

  /** Tell once of all that is found in a short time: a large pipeline looks up many things. */
  private _tell(): void {
    this._timer ??= setTimeout(() => {
      this._timer = undefined;
      this._revision++;
      this._changed.emit();
    }, TELL_AFTER);
  }

  private readonly _changed = new Signal<this, void>(this);
  private readonly _found = new Map<string, unknown>();
  private _stale = new Set<string>();
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _revision = 0;
}

const RECORD = /\brecord\(\s*(["'])([A-Za-z_][A-Za-z0-9_]*)\1/g;

/** Return the names that a text or notebook gives to `record("NAME", …)`. */
export function recordedNames(content: unknown): string[] {
  const cells = (content as { cells?: { source?: string | string[] }[] })
    ?.cells;
  const text = Array.isArray(cells)
    ? cells.map(({ source }) => [source ?? []].flat().join('')).join('\n')
    : String(content ?? '');
  return [...new Set([...text.matchAll(RECORD)].map(match => match[2]))];
}
