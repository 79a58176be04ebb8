import { PathExt } from '@jupyterlab/coreutils';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import { FileDialog } from '@jupyterlab/filebrowser';
import type { Contents, KernelSpec } from '@jupyterlab/services';
import { TranslationBundle } from '@jupyterlab/translation';
import { IDisposable } from '@lumino/disposable';

import type { Client, StepKind } from '../../api';
import { kindOfPath } from '../../shared/kinds';
import { reportFailure } from '../../shared/report';
import { showPlace, TextPlace } from '../showPlace';
import { PipelineDocument } from './document';
import { FilesToSteps } from './files';
import { edgeKey, Need } from './graph';
import { confirmGuess, guessesIn } from './guesses';
import { Lookups } from './lookups';
import { Selection } from './selection';

export type OpenOptions = {
  context: DocumentRegistry.IContext<DocumentRegistry.ICodeModel>;
  client: Client;
  contents: Contents.IManager;
  kernels: KernelSpec.IManager;
  documents: IDocumentManager;
  trans: TranslationBundle;
};

/** A pipeline that is open in the editor. All parts of the editor and its commands work on it. */
export class OpenPipeline implements IDisposable {
  constructor(private readonly _options: OpenOptions) {
    const { context, client, contents, trans } = _options;
    this.document = new PipelineDocument({
      text: context.model.sharedModel,
      check: async content => {
        const path = contents.localPath(context.path);
        const { problems } = await client.pipelines.validate({ path, content });
        return problems;
      },
      isReadOnly: () => this.isReadOnly,
      onCheckFailed: reportFailure,
      trans
    });
    this.lookups = new Lookups({ ..._options, path: () => context.path });
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
  readonly lookups: Lookups;

  get isReadOnly(): boolean {
    const { model, contentsModel } = this._options.context;
    return model.readOnly || contentsModel?.writable === false;
  }

  /** Look again at what is around the pipeline: it may have changed meanwhile. */
  refresh(): void {
    this.lookups.refresh();
    void this.document.check();
  }

  /** Ask for a notebook or script. Return its path from the folder of the pipeline, or null. */
  async browse(kind: StepKind): Promise<string | null> {
    const { context, contents, documents, trans } = this._options;
    const { button, value } = await FileDialog.getOpenFiles({
      manager: documents,
      title:
        kind === 'notebook'
          ? trans.__('Choose a notebook')
          : trans.__('Choose a script'),
      filter: model => (kindOfPath(model.path) === kind ? {} : null),
      defaultPath: PathExt.dirname(contents.localPath(context.path))
    });
    const [chosen] = value ?? [];
    return button.accept && chosen ? this.lookups.relative(chosen.path) : null;
  }

  /** Open the text of the pipeline in Lab's editor, at a place. */
  showText(place: TextPlace = { line: 1, column: 1 }): void {
    const { context, documents } = this._options;
    void showPlace(context.path, place, documents);
  }

  /** Return the path in Lab of the notebook or script of a step, or null when it has none. */
  pathOf(step: string): string | null {
    const path = this.document.step(step)?.path;
    return path ? this.lookups.pathInLab(path) : null;
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
