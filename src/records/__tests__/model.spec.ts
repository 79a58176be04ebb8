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
  let client: Client;
  let events: EventStream;
  let runs: IRuns;
  let model: RecordModel;
  /** The news of the run that the page got while it loaded the record. */
  let known: RunSummary | null;
  /** The answer of the server about the run. */
  let answer: object;
  let content: { cells: object[] };
  let runChanged: Signal<object, RunSummary>;
  /** How often the page asked for the notebook, and how often for the journal. */
  let asked: number;
  let watched: number;

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
    asked = watched = 0;
    runChanged = new Signal({});
    answer = RUN;
    content = CONTENT;
    notebook = new NotebookModel();
    stream.journal = new Signal<object, JournalDelta>({});
    client = {
      run: async () => answer,
      notebook: async () => {
        asked += 1;
        return content;
      },
      journal: async () => ({ attempt: 0, events: [], complete: false })
    } as unknown as Client;
    events = {
      journal: stream.journal,
      restarted: new Signal({}),
      hasFollowed: () => false,
      watch: () => {
        watched += 1;
        return new DisposableDelegate(() => undefined);
      }
    } as unknown as EventStream;
    runs = {
      runChanged,
      start: async () => undefined,
      newest: (run: RunSummary) => known ?? run,
      add: (run: RunSummary) => runChanged.emit(run)
    } as unknown as IRuns;
    model = new RecordModel('r1', notebook, client, events, runs);
    await model.load();
    await filled();
  });

  /** Make the record of a run of another kind. */
  const loadKind = async (kind: string) => {
    answer = { ...RUN, kind, kernel: null };
    const other = new RecordModel('r1', notebook, client, events, runs);
    asked = watched = 0;
    await other.load();
    return other;
  };

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

  it('follows the journal of a script, whose log it shows, and asks for no notebook', async () => {
    const script = await loadKind('script');
    expect([script.trouble, asked, watched]).toEqual([null, 0, 1]);
    let grown = 0;
    script.filled.connect(() => (grown += 1));
    await arrives(1, 'first');
    expect(grown).toBe(1);
    script.dispose();
  });

  it('asks for neither notebook nor journal of a pipeline', async () => {
    const pipeline = await loadKind('pipeline');
    expect([pipeline.trouble, asked, watched]).toEqual([null, 0, 0]);
    expect(pipeline.run?.kind).toBe('pipeline');
    pipeline.dispose();
  });
});
