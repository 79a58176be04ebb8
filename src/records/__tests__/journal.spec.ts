import type { CodeCellModel } from '@jupyterlab/cells';
import { NotebookModel } from '@jupyterlab/notebook';

import type { JournalEvent, Output } from '../../api';
import { coalesceStreams, JournalReplay } from '../journal';

const CONTENT = {
  nbformat: 4,
  nbformat_minor: 5,
  metadata: {},
  cells: ['markdown', 'code', 'code'].map((cell_type, index) => ({
    cell_type,
    id: `cell-${index}`,
    source: '',
    metadata: {},
    ...(cell_type === 'code' ? { outputs: [], execution_count: null } : {})
  }))
};

let seq = 0;

/** Make the next line of a journal. */
function line(event: object): JournalEvent {
  return { seq: ++seq, t: 0, ...event } as JournalEvent;
}

function print(
  text: string,
  name = 'stdout',
  cell: number | null = 1
): JournalEvent {
  const output = { output_type: 'stream', name, text };
  return line({ kind: 'output', cell, output });
}

function display(text: string, id?: string, cell = 1): JournalEvent {
  const output: Output = {
    output_type: 'display_data',
    data: { 'text/plain': text },
    metadata: {}
  };
  if (id) {
    output.transient = { display_id: id };
  }
  return line({ kind: 'output', cell, output });
}

describe('JournalReplay', () => {
  let notebook: NotebookModel;
  let replay: JournalReplay;

  const cell = (index: number) => notebook.cells.get(index) as CodeCellModel;
  const apply = (...events: JournalEvent[]) =>
    coalesceStreams(events).forEach(event => replay.apply(event));

  beforeEach(() => {
    seq = 0;
    notebook = new NotebookModel();
    notebook.fromJSON(CONTENT as never);
    replay = new JournalReplay(notebook);
  });

  afterEach(() => notebook.dispose());

  it('marks the cell that runs, until it has finished', () => {
    apply(line({ kind: 'cell_started', cell: 1, done: 0 }));
    expect(replay.runningCell).toBe(1);
    expect(cell(1).executionState).toBe('running');
    const finished = { cell: 1, ok: true, execution_count: 4, done: 1 };
    apply(line({ kind: 'cell_finished', ...finished }));
    expect(replay.runningCell).toBeNull();
    expect(cell(1).executionState).toBe('idle');
    expect(cell(1).executionCount).toBe(4);
  });

  it('lets no cell run on after the end', () => {
    apply(line({ kind: 'cell_started', cell: 1, done: 0 }));
    apply(line({ kind: 'end', state: 'terminated' }));
    expect(replay.runningCell).toBeNull();
    expect(cell(1).executionState).toBe('idle');
  });

  it('goes on behind a line that cannot be read', () => {
    apply(print('a'));
    apply(line({ kind: 'unreadable' }));
    const next = print('b');
    expect(replay.follows(next)).toBe(true);
    apply(next);
    expect(cell(1).outputs.toJSON()[0].text).toBe('ab');
  });

  it('joins what one stream writes, within a delta and over several', () => {
    apply(print('a\n'), print('b\n'));
    apply(print('c\n'));
    expect(cell(1).outputs.toJSON()).toEqual([
      { output_type: 'stream', name: 'stdout', text: 'a\nb\nc\n' }
    ]);
  });

  it('keeps the two streams apart and in order', () => {
    apply(print('a'), print('warn', 'stderr'), print('b'));
    const names = cell(1)
      .outputs.toJSON()
      .map(output => output.name);
    expect(names).toEqual(['stdout', 'stderr', 'stdout']);
  });

  it('goes back to the start of a line where a progress bar does', () => {
    apply(print('10 %'), print('\r20 %'));
    expect(cell(1).outputs.toJSON()[0].text).toBe('20 %');
  });

  it('appends to what is there instead of replacing it', () => {
    apply(display('first'));
    const before = cell(1).outputs.get(0);
    apply(display('second'));
    expect(cell(1).outputs.get(0)).toBe(before);
    expect(cell(1).outputs.length).toBe(2);
  });

  it('takes away the outputs of a cell that clears them', () => {
    apply(print('a', 'stdout', 1), print('b', 'stdout', 2));
    apply(line({ kind: 'clear', cell: 1 }));
    expect(cell(1).outputs.length).toBe(0);
    expect(cell(2).outputs.length).toBe(1);
  });

  it('replaces every display of one id, and none that was cleared', () => {
    apply(display('1', 'bar'), display('other'), display('1', 'bar', 2));
    const update = {
      kind: 'update',
      display_id: 'bar',
      data: { 'text/plain': '2' },
      metadata: {}
    };
    apply(line(update));
    const shown = (index: number) =>
      cell(index)
        .outputs.toJSON()
        .map(output => (output.data as Record<string, string>)['text/plain']);
    expect(shown(1)).toEqual(['2', 'other']);
    expect(shown(2)).toEqual(['2']);
    apply(line({ kind: 'clear', cell: 1 }), display('new'));
    apply(line({ ...update, data: { 'text/plain': '3' } }));
    expect(shown(1)).toEqual(['new']);
    expect(shown(2)).toEqual(['3']);
  });

  it('takes no output as trusted', () => {
    apply(display('x'));
    expect(cell(1).trusted).toBe(false);
    expect(cell(1).outputs.get(0).trusted).toBe(false);
  });

  it('passes over what belongs to no code cell', () => {
    apply(print('a', 'stdout', 0), print('b', 'stdout', 99));
    expect(replay.lastSeq).toBe(2);
  });

  it('knows what it has, what comes next, and what is missing', () => {
    apply(print('a'));
    const [known, next, later] = [1, 2, 3].map(
      seq => ({ ...print(''), seq: seq }) as JournalEvent
    );
    expect(replay.isKnown(known)).toBe(true);
    expect(replay.follows(next)).toBe(true);
    expect(replay.follows(later)).toBe(false);
    expect(replay.isKnown(later)).toBe(false);
  });
});

describe('coalesceStreams', () => {
  beforeEach(() => (seq = 0));

  it('makes one event of a thousand prints, with the number of the last', () => {
    const events = Array.from({ length: 1000 }, (_, i) => print(`${i}\n`));
    const [joined, ...rest] = coalesceStreams(events);
    expect(rest).toEqual([]);
    expect(joined.seq).toBe(1000);
  });

  it('joins nothing across another event', () => {
    const clear = line({ kind: 'clear', cell: 1 });
    const events = [print('a'), clear, print('b')];
    expect(coalesceStreams(events)).toEqual(events);
  });
});
