import type { CodeCellModel } from '@jupyterlab/cells';
import { NotebookModel } from '@jupyterlab/notebook';
import { DisposableDelegate } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';

import type {
  Client,
  EventStream,
  JournalDelta,
  JournalEvent,
  RunSummary
} from '../../api';
import type { IRuns } from '../../tokens';
import { RecordModel } from '../model';

const RUN = {
  id: 'r1',
  kind: 'notebook',
  state: 'active',
  kernel: { language: 'python' }
};
const CONTENT = {
  nbformat: 4,
  nbformat_minor: 5,
  metadata: {},
  cells: [
    {
      cell_type: 'code',
      id: 'c',
      source: '',
      metadata: {},
      outputs: [],
      execution_count: null
    }
  ]
};

/** The tags of the cell with the given values. */
const GIVEN = ['injected-parameters'];

/** Make the journal of an attempt that printed `text`. */
function printed(text: string): JournalEvent[] {
  const output = { output_type: 'stream', name: 'stdout', text };
  return [
    { seq: 1, t: 0, kind: 'start', cells: 1, code_cells: 1 },
    { seq: 2, t: 0, kind: 'cell_started', cell: 0, done: 0 },
    { seq: 3, t: 0, kind: 'output', cell: 0, output }
  ] as JournalEvent[];
}

describe('RecordModel', () => {
  const stream = { journal: {} as Signal<object, JournalDelta> };
  let notebook: NotebookModel;
  let model: RecordModel;
  /** The news of the run that the page got while it loaded the record. */
  let known: RunSummary | null;
  /** The answer of the server about the run. */
  let answer: object;
  let content: { cells: object[] };
  let runChanged: Signal<object, RunSummary>;

  const shown = () =>
    (notebook.cells.get(0) as CodeCellModel).outputs
      .toJSON()
      .map(output => output.text);
  const filled = () =>
    new Promise<void>(resolve => {
      const done = () => {
        model.filled.disconnect(done);
        resolve();
      };
      model.filled.connect(done);
    });
  const arrives = async (attempt: number, text: string) => {
    const drawn = filled();
    stream.journal.emit({
      run_id: 'r1',
      attempt,
      events: printed(text),
      complete: false
    });
    await drawn;
  };

  beforeEach(async () => {
    known = null;
    runChanged = new Signal({});
    answer = RUN;
    content = CONTENT;
    notebook = new NotebookModel();
    stream.journal = new Signal<object, JournalDelta>({});
    const client = {
      run: async () => answer,
      notebook: async () => content,
      journal: async () => ({ attempt: 0, events: [], complete: false })
    };
    const events = {
      journal: stream.journal,
      restarted: new Signal({}),
      hasFollowed: () => false,
      watch: () => new DisposableDelegate(() => undefined)
    };
    const runs = {
      runChanged,
      start: async () => undefined,
      newest: (run: RunSummary) => known ?? run,
      add: (run: RunSummary) => runChanged.emit(run)
    };
    model = new RecordModel(
      'r1',
      notebook,
      client as unknown as Client,
      events as unknown as EventStream,
      runs as unknown as IRuns
    );
    await model.load();
    await filled();
  });

  afterEach(() => {
    model.dispose();
    notebook.dispose();
  });

  it('fills the notebook in as its journal grows', async () => {
    await arrives(1, 'first');
    expect(shown()).toEqual(['first']);
  });

  it('takes nothing twice', async () => {
    await arrives(1, 'first');
    await arrives(1, 'first');
    expect(shown()).toEqual(['first']);
  });

  it('replaces what an attempt had written by what the next one writes', async () => {
    await arrives(1, 'first');
    await arrives(2, 'second');
    expect(shown()).toEqual(['second']);
  });

  it('keeps the detail of a reason that a summary tells without it', async () => {
    const reason = { code: 'cell_error', message: 'it', detail: { cell: 0 } };
    answer = { ...RUN, state: 'failed', reason };
    await model.load();
    const short = { ...reason, detail: {} };
    runChanged.emit({ ...(answer as RunSummary), reason: short });
    expect(model.run?.reason?.detail).toEqual({ cell: 0 });
  });

  it('counts the failing cell as in the notebook that was written', async () => {
    const reason = { code: 'cell_error', message: '', detail: { cell: 1 } };
    answer = { ...RUN, state: 'failed', reason };
    const [cell] = CONTENT.cells;
    const given = { ...cell, id: 'g', metadata: { tags: GIVEN } };
    content = { ...CONTENT, cells: [given, cell] };
    await model.load();
    expect(model.failingNumber).toBe(1);
  });

  it('asks for no notebook of a script, and follows its journal', async () => {
    answer = { ...RUN, kind: 'script' };
    content = undefined as never; // To read it would fail.
    await model.load();
    expect(model.trouble).toBeNull();
    expect(model.isFilled).toBe(true);
    const drawn = filled();
    const output = { output_type: 'stream', name: 'stdout', text: 'x' };
    stream.journal.emit({
      run_id: 'r1',
      attempt: 1,
      events: [
        { seq: 1, t: 0, kind: 'start', cells: 0, code_cells: 0 },
        { seq: 2, t: 0, kind: 'output', cell: null, output }
      ] as JournalEvent[],
      complete: false
    });
    await drawn;
    expect(model.trouble).toBeNull();
  });

  it('shows the end of a run of which the stream told the journal alone', async () => {
    answer = { ...RUN, state: 'succeeded' };
    const ended = new Promise<void>(resolve =>
      model.changed.connect(() => resolve())
    );
    stream.journal.emit({
      run_id: 'r1',
      attempt: 1,
      events: [],
      complete: true
    });
    await ended;
    expect(model.run?.state).toBe('succeeded');
  });

  it('shows progress at once, and asks for the whole run when more has changed', async () => {
    const progress = { done: 1, total: 2, current: 1 };
    model.run!.values = { kept: true };
    runChanged.emit({ ...RUN, progress } as unknown as RunSummary);
    expect(model.run).toMatchObject({ progress, values: { kept: true } });
    answer = { ...RUN, phase: 'succeeded', values: { rows: 3 } };
    const told = { ...RUN, phase: 'succeeded' } as unknown as RunSummary;
    const whole = new Promise(resolve => model.changed.connect(resolve));
    runChanged.emit(told);
    await whole;
    expect(model.run?.values).toEqual({ rows: 3 });
  });

  it('shows the end of a run that an answer from before came after', async () => {
    known = { ...RUN, state: 'succeeded' } as unknown as RunSummary;
    await model.load();
    expect(model.run?.state).toBe('succeeded');
  });
});
