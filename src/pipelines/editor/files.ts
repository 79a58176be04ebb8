import { PathExt } from '@jupyterlab/coreutils';
import type { Contents } from '@jupyterlab/services';
import { TranslationBundle } from '@jupyterlab/translation';

import type { Client } from '../../api';
import { kindOfPath } from '../../shared/kinds';
import { reportFailure } from '../../shared/report';
import { EditRefused, PipelineDocument } from './document';
import type { FileTarget, Place } from './drop';
import { Need, refusalOfNeed } from './graph';
import { markGuesses } from './guesses';
import type { Selection } from './selection';
import { readYaml } from './yaml12';

type Options = {
  /** Return the path of the pipeline's file in Lab. It changes when the file is moved. */
  path: () => string;
  document: PipelineDocument;
  selection: Selection;
  client: Client;
  contents: Contents.IManager;
  trans: TranslationBundle;
};

/** The notebooks and scripts of the workspace as new steps of a pipeline that is open. */
export class FilesToSteps implements FileTarget {
  constructor(private readonly _options: Options) {}

  /** Return why a file cannot be a step, or null when it can. */
  refuse(path: string): string | null {
    const { document, contents, trans } = this._options;
    const name = PathExt.basename(contents.localPath(path));
    const kind = kindOfPath(path);
    if (document.state.unreadable) {
      return trans.__('Correct the text of the pipeline first.');
    }
    if (document.refusal !== null) {
      return document.refusal;
    }
    if (kind === 'pipeline') {
      return trans.__('%1 is a pipeline, which cannot be a step.', name);
    }
    if (kind === null) {
      return trans.__('%1 is neither a notebook nor a script.', name);
    }
    if (contents.driveName(path) !== contents.driveName(this._options.path())) {
      return trans.__('%1 lies in another drive than the pipeline.', name);
    }
    return null;
  }

  /**
   * Add a step for each file that can be one, and select them.
   *
   * Without a place the server guesses which steps need one another; the guesses are marked in the text.
   */
  async add(paths: readonly string[], place: Place = {}): Promise<void> {
    const { document, selection } = this._options;
    const refusals = paths.map(path => this.refuse(path));
    const accepted = paths
      .filter((_, at) => refusals[at] === null)
      .map(path => this._relative(path));
    const { onto, between } = place;
    try {
      if (!accepted.length && refusals.length) {
        throw new EditRefused(() => refusals[0]!);
      }
      const isPlaced = onto !== undefined || between !== undefined;
      const guessed = isPlaced ? [] : await this._guess(accepted);
      const order = guessed.map(({ path }) => path);
      const files = [...accepted].sort(
        (a, b) => order.indexOf(a) - order.indexOf(b) || (a < b ? -1 : 1)
      );
      const needed = onto ?? between?.from;
      const added: string[] = [];
      document.batch(() => {
        for (const path of files) {
          const kind = kindOfPath(path) as 'notebook' | 'script';
          const needs = needed === undefined ? [] : [needed];
          added.push(document.addStep({ kind, path, needs }));
        }
        if (between) {
          const needs = document.step(between.to)?.needs ?? [];
          document.set(
            between.to,
            ['needs'],
            needs.flatMap(need => (need === between.from ? added : [need]))
          );
        }
        this._connectGuessed(guessed, added);
      });
      selection.set({ steps: added, edges: [] });
    } catch (reason) {
      reportFailure(reason);
    }
  }

  /** Return the steps that the server suggests for the files of the pipeline and for new ones. */
  private async _guess(files: readonly string[]): Promise<SuggestedStep[]> {
    const { client, document } = this._options;
    const folder = this._folder();
    const known = document.steps.map(step => step.path);
    const all = [...new Set([...known, ...files])].filter(isText);
    try {
      const { content } = await client.pipelines.suggest(
        all.map(path => PathExt.normalize(PathExt.join(folder, path))),
        folder
      );
      return suggestedSteps(content);
    } catch {
      // A file that cannot be read, or is not there: the check of the pipeline names it.
      return [];
    }
  }

  /** Let steps need one another as it was guessed, where one of them is new. */
  private _connectGuessed(
    guessed: readonly SuggestedStep[],
    added: readonly string[]
  ): void {
    const { document, trans } = this._options;
    const pathOf = new Map(guessed.map(({ id, path }) => [id, path]));
    const idOf = (suggested: string) => {
      const path = pathOf.get(suggested);
      const steps = document.steps.filter(step => step.path === path);
      return steps.length === 1 ? steps[0].id : undefined;
    };
    const connected: Need[] = [];
    for (const step of guessed) {
      for (const giver of step.needs) {
        const [from, to] = [idOf(giver), idOf(step.id)];
        if (
          from === undefined ||
          to === undefined ||
          !(added.includes(from) || added.includes(to)) ||
          refusalOfNeed({ from, to }, document.edges, trans) !== null
        ) {
          continue;
        }
        document.connect(from, to);
        connected.push({ from, to });
        const paths = step.files
          .filter(file => file.from === giver)
          .flatMap(file => file.paths);
        if (paths.length) {
          const before = document.step(to)?.value.files;
          const files = Array.isArray(before) ? before : [];
          document.set(to, ['files'], [...files, { from, paths, into: '.' }]);
        }
      }
    }
    document.edit(text => markGuesses(text, connected));
  }

  private _folder(): string {
    const { contents, path } = this._options;
    return PathExt.dirname(contents.localPath(path()));
  }

  private _relative(path: string): string {
    const { contents } = this._options;
    return PathExt.relative(this._folder(), contents.localPath(path));
  }
}

type SuggestedStep = {
  id: string;
  path: string;
  needs: string[];
  files: { from: string; paths: string[] }[];
};

/** Read the text of a suggested pipeline, which the server wrote for notebooks and scripts alone. */
function suggestedSteps(content: string): SuggestedStep[] {
  const { steps } = readYaml(content).value as {
    steps: {
      [id: string]: Partial<SuggestedStep> & {
        notebook?: string;
        script?: string;
      };
    };
  };
  return Object.entries(steps).map(([id, step]) => ({
    id,
    path: (step.notebook ?? step.script)!,
    needs: step.needs ?? [],
    files: step.files ?? []
  }));
}

function isText(path: string | null): path is string {
  return path !== null && path !== '';
}
