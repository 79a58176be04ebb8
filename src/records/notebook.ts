import type { Cell } from '@jupyterlab/cells';
import type { IEditorServices } from '@jupyterlab/codeeditor';
import { Notebook, NotebookModel, StaticNotebook } from '@jupyterlab/notebook';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { ITranslator } from '@jupyterlab/translation';
import { MessageLoop } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';

import { inertLink } from './sanitizer';

type Options = {
  rendermime: IRenderMimeRegistry;
  editorServices: IEditorServices;
  translator: ITranslator;
};

const USER_SCROLLS = ['wheel', 'touchmove', 'keydown', 'pointerdown'];

/** The executed notebook in JupyterLab's own cells, read-only. */
export class RecordNotebook extends StaticNotebook {
  constructor(options: Options) {
    const { factoryService, mimeTypeService } = options.editorServices;
    const readOnly = { readOnly: true, lineNumbers: false };
    super({
      rendermime: options.rendermime,
      translator: options.translator,
      mimeTypeService,
      contentFactory: new Notebook.ContentFactory({
        editorFactory: factoryService.newInlineEditor
      }),
      editorConfig: { code: readOnly, markdown: readOnly, raw: readOnly },
      notebookConfig: {
        ...StaticNotebook.defaultNotebookConfig,
        // The page holds only the cells in view, also of a notebook with a thousand cells.
        windowingMode: 'full',
        scrollPastEnd: false
      }
    });
    this.addClass('dl-RecordNotebook');
    for (const type of USER_SCROLLS) {
      this.outerNode.addEventListener(type, () => this._releaseScroll(), {
        passive: true
      });
    }
    for (const type of ['click', 'auxclick']) {
      this.outerNode.addEventListener(type, blockInternalLinks, true);
    }
    this._resized = new ResizeObserver(() => {
      // The head above grows and shrinks, and Lumino does not notice.
      MessageLoop.postMessage(this, Widget.ResizeMessage.UnknownSize);
      this._scrollToTarget();
    });
    this._resized.observe(this.outerNode);
    this._resized.observe(this.viewportNode);
  }

  dispose(): void {
    this._resized.disconnect();
    cancelAnimationFrame(this._frame);
    super.dispose();
  }

  /** True to scroll along with the running cell; a scroll of the reader sets it to false. */
  following = true;

  /** Called when the reader scrolls and the following ends. */
  onFollowingStopped: () => void = () => undefined;

  /** Mark the cell that is being executed, and keep it in view while following. */
  markRunning(index: number | null): void {
    if (this._markedIndex !== index) {
      this._mark(this._markedIndex, null);
      this._mark(index, 'running');
      this._markedIndex = index;
    }
    if (index !== null && this.following) {
      this._scrollTarget = { index, block: 'nearest' };
      this._scrollToTarget();
    }
  }

  markFailed(index: number): void {
    this._mark(index, 'failed');
  }

  /** Bring a cell into view, also when the reader has scrolled. */
  showCell(index: number): void {
    this._scrollTarget = { index, block: 'start' };
    this._scrollToTarget();
  }

  protected onCellInserted(index: number, cell: Cell): void {
    // Without this, JupyterLab would write read-only into the model as metadata.
    cell.syncEditable = false;
    cell.readOnly = true;
    super.onCellInserted(index, cell);
  }

  /** Keep the held cell in view while the cells get their real heights one after the other. */
  private _scrollToTarget(): void {
    const cell = this._scrollTarget && this.widgets[this._scrollTarget.index];
    if (!this._scrollTarget || !cell || !this.isVisible) {
      return;
    }
    if (cell.node.getClientRects().length) {
      cell.node.scrollIntoView({ block: this._scrollTarget.block });
    } else {
      // Scroll by the estimated heights first; then the cell is drawn.
      this.scrollToItem(this._scrollTarget.index, 'center').catch(
        () => undefined
      );
      cancelAnimationFrame(this._frame);
      this._frame = requestAnimationFrame(() => this._scrollToTarget());
    }
  }

  private _mark(
    index: number | null,
    state: 'running' | 'failed' | null
  ): void {
    const node = index === null ? undefined : this.widgets[index]?.node;
    if (node && state) {
      node.dataset.runState = state;
    } else if (node) {
      delete node.dataset.runState;
    }
  }

  private _releaseScroll(): void {
    this._scrollTarget = null;
    if (this.following && this._markedIndex !== null) {
      this.following = false;
      this.onFollowingStopped();
    }
  }

  private _markedIndex: number | null = null;
  private _scrollTarget: { index: number; block: 'nearest' | 'start' } | null =
    null;
  private _frame = 0;
  private readonly _resized: ResizeObserver;
}

/** Stop links that do not lead to another server. JupyterLab makes such links of printed text, past the sanitizer. */
function blockInternalLinks(event: Event): void {
  const link = (event.target as Element).closest('a');
  if (link && inertLink(link.getAttribute('href') ?? '') === null) {
    event.preventDefault();
  }
}

/** Create a model that nobody shares and that keeps no history. */
export function newNotebookModel(): NotebookModel {
  return new NotebookModel({ disableDocumentWideUndoRedo: true });
}
