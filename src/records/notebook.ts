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

/** The executed notebook, in Lab's own cells, for reading. */
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
        // A thousand cells are no more in the page than what is seen of them.
        windowingMode: 'full',
        scrollPastEnd: false
      }
    });
    this.addClass('dl-RecordNotebook');
    for (const type of USER_SCROLLS) {
      this.outerNode.addEventListener(type, () => this._letGo(), {
        passive: true
      });
    }
    for (const type of ['click', 'auxclick']) {
      this.outerNode.addEventListener(type, leadAwayOnly, true);
    }
    this._resized = new ResizeObserver(() => {
      // The head above grows and shrinks without Lumino knowing.
      MessageLoop.postMessage(this, Widget.ResizeMessage.UnknownSize);
      this._hold();
    });
    this._resized.observe(this.outerNode);
    this._resized.observe(this.viewportNode);
  }

  dispose(): void {
    this._resized.disconnect();
    cancelAnimationFrame(this._frame);
    super.dispose();
  }

  /** Scroll along with the running cell, until the reader scrolls. */
  following = true;

  /** Called when the reader took over. */
  onFollowingStopped: () => void = () => undefined;

  /** Mark the cell that is being executed, and show it while following. */
  markRunning(index: number | null): void {
    if (this._marked !== index) {
      this._mark(this._marked, null);
      this._mark(index, 'running');
      this._marked = index;
    }
    if (index !== null && this.following) {
      this._held = { index, block: 'nearest' };
      this._hold();
    }
  }

  markFailed(index: number): void {
    this._mark(index, 'failed');
  }

  /** Put a cell in view, whatever the reader did before. */
  showCell(index: number): void {
    this._held = { index, block: 'start' };
    this._hold();
  }

  protected onCellInserted(index: number, cell: Cell): void {
    // Without this, read-only is a piece of metadata that would be written into the model.
    cell.syncEditable = false;
    cell.readOnly = true;
    super.onCellInserted(index, cell);
  }

  /** Cells get their real heights one after the other; the one to be seen stays in view meanwhile. */
  private _hold(): void {
    const cell = this._held && this.widgets[this._held.index];
    if (!this._held || !cell || !this.isVisible) {
      return;
    }
    if (cell.node.getClientRects().length) {
      cell.node.scrollIntoView({ block: this._held.block });
    } else {
      // By the estimated heights first, which draws it.
      this.scrollToItem(this._held.index, 'center').catch(() => undefined);
      cancelAnimationFrame(this._frame);
      this._frame = requestAnimationFrame(() => this._hold());
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

  private _letGo(): void {
    this._held = null;
    if (this.following && this._marked !== null) {
      this.following = false;
      this.onFollowingStopped();
    }
  }

  private _marked: number | null = null;
  private _held: { index: number; block: 'nearest' | 'start' } | null = null;
  private _frame = 0;
  private readonly _resized: ResizeObserver;
}

/** JupyterLab makes links of what is printed, too, where no sanitizer sees them. */
function leadAwayOnly(event: Event): void {
  const link = (event.target as Element).closest('a');
  if (link && inertLink(link.getAttribute('href') ?? '') === null) {
    event.preventDefault();
  }
}

/** A model that is not shared with anybody and keeps no history. */
export function newNotebookModel(): NotebookModel {
  return new NotebookModel({ disableDocumentWideUndoRedo: true });
}
