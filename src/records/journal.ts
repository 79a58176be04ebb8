import type { CodeCellModel } from '@jupyterlab/cells';
import type * as nbformat from '@jupyterlab/nbformat';
import type { INotebookModel } from '@jupyterlab/notebook';

import type { JournalEvent, Output } from '../api';

type OutputPosition = { cell: number; index: number };

/**
 * A writer that fills a run's journal into the model of its notebook. It appends outputs to those that are
 * there, so the outputs on the screen stay.
 */
export class JournalReplay {
  constructor(private readonly _notebook: INotebookModel) {}

  /** The sequence number of the last applied event. */
  get lastSeq(): number {
    return this._lastSeq;
  }

  /** The index of the cell that is being executed, or null. */
  get runningCell(): number | null {
    return this._runningCell;
  }

  /** Tell whether `event` comes right after the last one. An earlier one is known; a later one leaves a gap. */
  follows(event: JournalEvent): boolean {
    return event.seq === this._lastSeq + 1;
  }

  isKnown(event: JournalEvent): boolean {
    return event.seq <= this._lastSeq;
  }

  apply(event: JournalEvent): void {
    this._lastSeq = event.seq;
    switch (event.kind) {
      case 'cell_started': {
        const cell = this._codeCell(event.cell);
        if (cell) {
          cell.executionState = 'running';
        }
        this._runningCell = event.cell;
        break;
      }
      case 'output':
        this._add(event.cell, event.output);
        break;
      case 'clear':
        this._codeCell(event.cell)?.outputs.clear();
        this._forget(event.cell);
        break;
      case 'update':
        this._update(event.display_id, event.data, event.metadata);
        break;
      case 'cell_finished': {
        const cell = this._codeCell(event.cell);
        if (cell) {
          cell.executionCount = event.execution_count;
          cell.executionState = 'idle';
        }
        this._runningCell = null;
        break;
      }
      case 'end': {
        // A cell that was interrupted has no event for its own end.
        const cell =
          this._runningCell === null ? null : this._codeCell(this._runningCell);
        if (cell) {
          cell.executionState = 'idle';
        }
        this._runningCell = null;
        break;
      }
    }
  }

  private _add(cell: number | null, output: Output): void {
    const outputs = cell === null ? null : this._codeCell(cell)?.outputs;
    if (cell === null || !outputs) {
      return;
    }
    const { transient, ...storedOutput } = output;
    outputs.add(storedOutput as nbformat.IOutput);
    const id = (transient as { display_id?: string } | undefined)?.display_id;
    if (id !== undefined) {
      const positions = this._displays.get(id) ?? [];
      positions.push({ cell, index: outputs.length - 1 });
      this._displays.set(id, positions);
    }
  }

  private _update(
    id: string,
    data: { [mimeType: string]: unknown },
    metadata: { [name: string]: unknown }
  ): void {
    for (const { cell, index } of this._displays.get(id) ?? []) {
      const outputs = this._codeCell(cell)!.outputs;
      const output = outputs.get(index).toJSON();
      outputs.set(index, { ...output, data, metadata } as nbformat.IOutput);
    }
  }

  private _forget(cell: number): void {
    for (const [id, positions] of this._displays) {
      this._displays.set(
        id,
        positions.filter(position => position.cell !== cell)
      );
    }
  }

  private _codeCell(index: number): CodeCellModel | null {
    if (index >= this._notebook.cells.length) {
      return null;
    }
    const cell = this._notebook.cells.get(index);
    return cell.type === 'code' ? (cell as CodeCellModel) : null;
  }

  private _lastSeq = 0;
  private _runningCell: number | null = null;
  private readonly _displays = new Map<string, OutputPosition[]>();
}

/**
 * Join neighbouring pieces of one stream. A loop that prints makes thousands of events, and each would
 * redraw its output.
 */
export function coalesceStreams(events: JournalEvent[]): JournalEvent[] {
  const joined: JournalEvent[] = [];
  for (const event of events) {
    const last = joined[joined.length - 1];
    if (
      last?.kind === 'output' &&
      event.kind === 'output' &&
      last.cell === event.cell &&
      last.output.output_type === 'stream' &&
      event.output.output_type === 'stream' &&
      last.output.name === event.output.name
    ) {
      const text = textOf(last.output.text) + textOf(event.output.text);
      joined[joined.length - 1] = {
        ...event,
        output: { ...event.output, text }
      };
    } else {
      joined.push(event);
    }
  }
  return joined;
}

function textOf(text: unknown): string {
  return Array.isArray(text) ? text.join('') : String(text ?? '');
}
