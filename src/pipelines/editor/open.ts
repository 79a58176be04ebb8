import type { DocumentRegistry } from '@jupyterlab/docregistry';
import type { Contents } from '@jupyterlab/services';
import { TranslationBundle } from '@jupyterlab/translation';
import { IDisposable } from '@lumino/disposable';

import type { Client } from '../../api';
import { PipelineDocument } from './document';
import { FilesToSteps } from './files';
import { edgeKey, Need } from './graph';
import { confirmGuess, guessesIn } from './guesses';
import { Selection } from './selection';

export type OpenOptions = {
  context: DocumentRegistry.IContext<DocumentRegistry.ICodeModel>;
  client: Client;
  contents: Contents.IManager;
  trans: TranslationBundle;
};

/** A pipeline that is open in the editor. All parts of the editor and its commands work on it. */
export class OpenPipeline implements IDisposable {
  constructor(private readonly _options: OpenOptions) {
    const { context, client, contents } = _options;
    this.document = new PipelineDocument({
      text: context.model.sharedModel,
      check: async content => {
        const path = contents.localPath(context.path);
        const { problems } = await client.pipelines.validate({ path, content });
        return problems;
      }
    });
    this.files = new FilesToSteps({
      ..._options,
      path: () => context.path,
      document: this.document,
      selection: this.selection
    });
    this.document.changed.connect(this._forgetWhatIsGone, this);
  }

  readonly selection = new Selection();
  readonly document: PipelineDocument;
  readonly files: FilesToSteps;

  /** Return the path in Lab of the notebook or script of a step, or null when it has none. */
  pathOf(step: string): string | null {
    const { context, contents } = this._options;
    const path = this.document.step(step)?.path;
    return path ? contents.resolvePath(context.path, path) : null;
  }

  /** Return those of the edges that nobody has confirmed. */
  guessesAmong(edges: readonly Need[]): Need[] {
    const guesses = new Set(guessesIn(this.document.source).map(edgeKey));
    return edges.filter(edge => guesses.has(edgeKey(edge)));
  }

  /** Confirm guesses: take their marks out of the text. */
  confirm(guesses: readonly Need[]): void {
    this.document.edit(text => guesses.reduce(confirmGuess, text));
  }

  get isDisposed(): boolean {
    return this.document.isDisposed;
  }

  dispose(): void {
    this.document.dispose();
  }

  private _forgetWhatIsGone(): void {
    this.selection.keep(this.document.steps, this.document.edges);
  }
}
