import { Notification, ReactWidget } from '@jupyterlab/apputils';
import {
  ABCWidgetFactory,
  DocumentRegistry,
  DocumentWidget
} from '@jupyterlab/docregistry';
import { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import React from 'react';

import { keepFocus } from '../../shared/focus';
import { pipelineIcon } from '../../shared/icons';
import { reportFailure } from '../../shared/report';
import type { EditorScreen } from './components/EditorScreen';
import type { OpenOptions, OpenPipeline } from './open';
import { EditorView } from './view';

type Options = OpenOptions & {
  /** Open a notebook or script, by its path in Lab. */
  onOpen: (path: string) => void;
  view: EditorView;
};

/** The content of the document widget of a pipeline. Its parts are loaded when the first pipeline is opened. */
export class PipelineEditor extends ReactWidget {
  constructor(private readonly _options: Options) {
    super();
    this.addClass('dl-PipelineEditor');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', _options.trans.__('Pipeline'));
    this.node.tabIndex = -1;
    this._focus = keepFocus(this.node);
    // Lab's shortcuts for undo and redo look for it.
    this.node.dataset.jpUndoer = 'true';
    this.opened = this._load();
    this.opened.catch(reportFailure);
  }

  /** Resolves when the file was read. */
  readonly opened: Promise<OpenPipeline>;

  /** The pipeline, or null until its file was read. */
  get pipeline(): OpenPipeline | null {
    return this._pipeline;
  }

  get view(): EditorView {
    return this._options.view;
  }

  get context(): OpenOptions['context'] {
    return this._options.context;
  }

  dispose(): void {
    this._focus.dispose();
    this._pipeline?.dispose();
    super.dispose();
  }

  protected onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    this.update();
  }

  protected onResize(msg: Widget.ResizeMessage): void {
    super.onResize(msg);
    this.update();
  }

  protected onActivateRequest(msg: Message): void {
    super.onActivateRequest(msg);
    if (!this.node.contains(document.activeElement)) {
      this.node.focus({ preventScroll: true });
    }
    this._pipeline?.refresh();
  }

  protected render(): JSX.Element {
    const { view, trans } = this._options;
    const [pipeline, Screen] = [this._pipeline, this._screen];
    if (!pipeline || !Screen) {
      return <p className="dl-Empty">{trans.__('Loading…')}</p>;
    }
    return (
      <Screen
        pipeline={pipeline}
        isVisible={this.isVisible && this.node.offsetWidth > 0}
        onOpen={this._openStep}
        view={view}
        onRefused={warn}
        trans={trans}
      />
    );
  }

  private async _load(): Promise<OpenPipeline> {
    const [{ OpenPipeline }, { EditorScreen }] = await Promise.all([
      import('./open'),
      import('./components/EditorScreen'),
      this._options.context.ready
    ]);
    this._screen = EditorScreen;
    this._pipeline = new OpenPipeline(this._options);
    this.update();
    return this._pipeline;
  }

  // The canvas is drawn again for another function.
  private readonly _openStep = (step: string): void => {
    const path = this._pipeline?.pathOf(step);
    if (path) {
      this._options.onOpen(path);
    }
  };

  private readonly _focus;
  private _pipeline: OpenPipeline | null = null;
  private _screen: typeof EditorScreen | null = null;
}

function warn(reason: string): void {
  Notification.warning(reason, { autoClose: 10_000 });
}

export type PipelineWidget = DocumentWidget<
  PipelineEditor,
  DocumentRegistry.ICodeModel
>;

/** Makes the editors of pipelines. Lab's text editor can show the same file beside one. */
export class PipelineEditorFactory extends ABCWidgetFactory<
  PipelineWidget,
  DocumentRegistry.ICodeModel
> {
  constructor(
    options: DocumentRegistry.IWidgetFactoryOptions<PipelineWidget>,
    private readonly _parts: Omit<Options, 'context' | 'view'> & {
      newView: () => EditorView;
    }
  ) {
    super(options);
  }

  protected createNewWidget(context: OpenOptions['context']): PipelineWidget {
    const content = new PipelineEditor({
      ...this._parts,
      view: this._parts.newView(),
      context
    });
    const widget = new DocumentWidget({ content, context });
    widget.title.icon = pipelineIcon;
    return widget;
  }
}
