import { YFile } from '@jupyter/ydoc';
import { nullTranslator } from '@jupyterlab/translation';
import {
  act,
  fireEvent,
  render,
  screen,
  waitFor,
  within
} from '@testing-library/react';
import React from 'react';

import type { Parameter } from '../../../api';
import { EditorScreen } from '../components/EditorScreen';
import { PipelineDocument } from '../document';
import type { OpenPipeline } from '../open';
import { Selection } from '../selection';
import { EditorView } from '../view';

const trans = nullTranslator.load('dataops_lab');

const SOURCE = `version: 1
parameters:
  month: {type: string, default: "2026-01"}
steps:
  extract:
    notebook: extract.ipynb   # slow
  clean:
    notebook: clean.ipynb
    needs: [extract]
  tidy:
    command: [ls]
`;

const PARAMETERS = [
  { name: 'region', type: 'string', default: 'North' },
  { name: 'rows', type: 'integer', default: 0 }
].map(
  parameter =>
    ({
      required: false,
      nullable: false,
      description: '',
      choices: [],
      items: null,
      ...parameter
    }) as unknown as Parameter
);

const LOOKUPS = {
  changed: { connect: () => true, disconnect: () => true },
  revision: 0,
  inspection: () => ({ parameters: PARAMETERS }),
  values: (path: string) => (path === 'extract.ipynb' ? ['count'] : []),
  files: () => ['extract.ipynb', 'clean.ipynb', 'report.ipynb', 'tidy.py'],
  placements: () => [],
  kernels: () => [['python3', 'Python 3']]
};

/** Show the editor of a text. */
function show(source = SOURCE) {
  const file = YFile.create();
  file.updateSource(0, 0, source);
  const document = new PipelineDocument({ text: file, trans });
  const selection = new Selection();
  const refused: string[] = [];
  const texts: unknown[] = [];
  const pipeline = {
    document,
    selection,
    files: {},
    lookups: LOOKUPS,
    isReadOnly: false,
    browse: () => Promise.resolve('sub/other.ipynb'),
    showText: (place: unknown) => texts.push(place)
  } as unknown as OpenPipeline;
  const view = new EditorView('list');
  render(
    <EditorScreen
      pipeline={pipeline}
      view={view}
      isVisible
      onOpen={() => undefined}
      onRefused={reason => refused.push(reason)}
      trans={trans}
    />
  );
  return { file, document, selection, refused, texts, view };
}

/** The button with the name of a step in the list. */
function row(id: string): HTMLElement {
  const list = screen.getByRole('list', { name: 'Steps' });
  return within(list).getByRole('button', {
    name: new RegExp(`^(Notebook|Command) ?${id}`)
  });
}

function key(name: string, options = {}): void {
  fireEvent.keyDown(document.activeElement!, { key: name, ...options });
}

beforeEach(() => {
  jest
    .spyOn(window, 'requestAnimationFrame')
    .mockImplementation(callback => (callback(0), 0));
});

afterEach(() => {
  jest.restoreAllMocks();
});

describe('the list of steps', () => {
  it('has one stop of the Tab key, and the arrows go on', () => {
    show();
    row('extract').focus();
    key('ArrowDown');
    expect(document.activeElement).toBe(row('clean'));
    key('End');
    expect(document.activeElement).toBe(row('tidy'));
    expect(row('tidy').tabIndex).toBe(0);
    expect(row('extract').tabIndex).toBe(-1);
  });

  it('renames a step with F2, and the steps that need it follow', () => {
    const shown = show();
    row('extract').focus();
    key('F2');
    const field = screen.getByRole('textbox', { name: 'New id of extract' });
    fireEvent.change(field, { target: { value: 'clean' } });
    expect(screen.getByRole('alert').textContent).toContain('already');
    fireEvent.change(field, { target: { value: 'load' } });
    fireEvent.submit(field);
    expect(shown.document.step('clean')!.needs).toEqual(['load']);
    expect(shown.document.source).toContain('notebook: extract.ipynb   # slow');
  });

  it('moves and removes a step with the keys, and says so', () => {
    const shown = show();
    row('tidy').focus();
    key('ArrowUp', { altKey: true });
    expect(shown.document.steps.map(step => step.id)).toEqual([
      'extract',
      'tidy',
      'clean'
    ]);
    expect(screen.getByText('tidy is number 2 of 3.')).toBeTruthy();
    row('extract').focus();
    key('Delete');
    expect(shown.document.source).not.toContain('extract');
    expect(screen.getByText('extract is removed.')).toBeTruthy();
  });

  it('connects steps by check boxes, without those that would wait for one another', () => {
    const shown = show();
    fireEvent.click(screen.getByRole('button', { name: 'Needs of extract…' }));
    const item = row('extract').closest('li')!;
    const box = (name: string) =>
      within(item).getByRole<HTMLInputElement>('checkbox', { name });
    expect(box('clean').disabled).toBe(true);
    fireEvent.click(box('tidy'));
    expect(shown.document.step('extract')!.needs).toEqual(['tidy']);
    fireEvent.click(box('tidy'));
    expect(shown.document.source).toBe(SOURCE);
  });

  it('announces the problems of a step at the step', async () => {
    const file = YFile.create();
    file.updateSource(0, 0, SOURCE);
    const shown = show();
    const problem = {
      message: 'There is no step `extrct`.',
      line: 9,
      column: 13,
      step: 'clean'
    };
    // The server answers the check of this text.
    Object.assign(shown.document, {
      _options: {
        text: shown.file,
        check: () => Promise.resolve([problem])
      }
    });
    await act(() => shown.document.check());
    const described = row('clean').getAttribute('aria-describedby')!;
    expect(document.getElementById(described)!.textContent).toBe(
      problem.message
    );
    expect(row('clean').getAttribute('aria-invalid')).toBe('true');
    expect(screen.getByRole('button', { name: '1 problem' })).toBeTruthy();
    fireEvent.click(row('clean'));
    const needs = screen.getByRole('group', { name: 'Needs' });
    expect(needs.textContent).toContain(problem.message);
  });
});

describe('the properties', () => {
  it('write into the text as a person types', () => {
    const shown = show();
    fireEvent.click(row('extract'));
    fireEvent.change(screen.getByLabelText('Title'), {
      target: { value: 'Read: all' }
    });
    fireEvent.change(screen.getByLabelText('Retries'), {
      target: { value: '2' }
    });
    expect(shown.document.source).toContain(
      'notebook: extract.ipynb   # slow\n    title: "Read: all"\n    retries: 2\n'
    );
    act(() => void shown.file.undo());
    expect(screen.getByLabelText<HTMLInputElement>('Retries').value).toBe('');
  });

  it('offer the values of earlier steps for a parameter', () => {
    const shown = show();
    fireEvent.click(row('clean'));
    const source = screen.getByLabelText('Source of rows');
    fireEvent.change(source, { target: { value: 'reference' } });
    const choice = screen.getByLabelText('rows');
    expect(within(choice).getByRole('group', { name: 'Values of extract' }));
    fireEvent.change(choice, {
      target: { value: 'steps.extract.values.count' }
    });
    expect(shown.document.step('clean')!.value.with).toEqual({
      rows: { cel: 'steps.extract.values.count' }
    });
    fireEvent.change(source, { target: { value: 'default' } });
    expect(shown.document.source).toBe(SOURCE);
  });

  it('take a value only when it has the type of the parameter', () => {
    const shown = show();
    fireEvent.click(row('clean'));
    fireEvent.change(screen.getByLabelText('Source of rows'), {
      target: { value: 'value' }
    });
    const field = screen.getByLabelText('rows');
    fireEvent.change(field, { target: { value: '1.5' } });
    expect(screen.getByRole('alert').textContent).toBe('Needs a whole number.');
    fireEvent.change(field, { target: { value: '12' } });
    expect(shown.document.step('clean')!.value.with).toEqual({ rows: 12 });
  });

  it('make a condition of a value, a comparison and a number', () => {
    const shown = show();
    fireEvent.click(row('clean'));
    fireEvent.change(screen.getByLabelText('Condition'), {
      target: { value: 'comparison' }
    });
    fireEvent.change(screen.getByLabelText('Value'), {
      target: { value: 'steps.extract.values.count' }
    });
    fireEvent.change(screen.getByLabelText('Comparison'), {
      target: { value: '>=' }
    });
    expect(shown.document.step('clean')!.condition).toBe(
      'steps.extract.values.count >= 0'
    );
  });

  it('are those of the pipeline when no step is selected', () => {
    const shown = show();
    fireEvent.change(screen.getByLabelText('Name of the new parameter'), {
      target: { value: 'limit' }
    });
    fireEvent.click(screen.getByRole('button', { name: 'Add parameter' }));
    expect(shown.document.source).toContain(
      'month: {type: string, default: "2026-01"}\n  limit: {type: string, default: ""}\n'
    );
  });

  it('of the pipeline show its outputs, and change them', () => {
    const shown = show();
    fireEvent.click(screen.getByRole('button', { name: 'Add an output' }));
    const output = screen.getByRole('group', { name: /^Output / });
    fireEvent.change(within(output).getByLabelText('From the step'), {
      target: { value: 'clean' }
    });
    fireEvent.change(within(output).getByLabelText('File that it leaves'), {
      target: { value: 'sales.csv' }
    });
    fireEvent.change(within(output).getByLabelText('Published as'), {
      target: { value: 'reports/{month}.csv' }
    });
    fireEvent.click(within(output).getByLabelText('May be missing'));
    expect(shown.document.state.value.outputs).toEqual([
      {
        step: 'clean',
        path: 'reports/{month}.csv',
        from: 'sales.csv',
        optional: true
      }
    ]);
    fireEvent.click(
      within(output).getByRole('button', { name: /^Leave out / })
    );
    expect(shown.document.source).toBe(SOURCE);
  });

  it('of a parameter say its choices, and whether it must be given', () => {
    const shown = show();
    const month = screen.getByRole('group', { name: 'Parameter month' });
    const declared = () => shown.document.parameters.month;
    const choices = within(month).getByLabelText(/^Choices/);
    fireEvent.change(choices, { target: { value: '2026-01\n2026-02\n' } });
    expect(declared().choices).toEqual(['2026-01', '2026-02']);
    const given = within(month).getByLabelText('Must be given');
    expect((given as HTMLInputElement).checked).toBe(false);
    fireEvent.click(given);
    expect(declared()).toEqual({
      type: 'string',
      choices: ['2026-01', '2026-02']
    });
    fireEvent.click(given);
    expect(declared().default).toBe('2026-01');
    fireEvent.change(within(month).getByLabelText('Type'), {
      target: { value: 'integer' }
    });
    fireEvent.change(choices, { target: { value: '1\ntwo' } });
    // The server says what is wrong with a choice of another type.
    expect(declared().choices).toEqual([1, 'two']);
    fireEvent.change(choices, { target: { value: ' ' } });
    fireEvent.blur(choices);
    expect(declared().choices).toBeUndefined();
  });

  it('of a date that need not be given say that it may be null', () => {
    const shown = show(
      'version: 1\nparameters:\n  day: {type: date}\nsteps: {}\n'
    );
    const day = screen.getByRole('group', { name: 'Parameter day' });
    fireEvent.click(within(day).getByLabelText('Must be given'));
    expect(shown.document.parameters.day).toEqual({
      type: 'date',
      nullable: true,
      default: null
    });
  });

  it('of a step say whether it may reuse a result', () => {
    const shown = show();
    fireEvent.click(row('clean'));
    const choice = screen.getByLabelText(/could reuse a result/);
    fireEvent.click(choice);
    expect(shown.document.step('clean')!.value.reuse).toBe(false);
    fireEvent.click(choice);
    expect(shown.document.source).toBe(SOURCE);
  });
});

describe('a new step', () => {
  it('gets its id from the path, and the focus goes to it', async () => {
    jest.restoreAllMocks();
    const shown = show();
    fireEvent.click(screen.getByRole('button', { name: 'Add a step' }));
    const form = screen.getByRole('form', { name: 'Add a step' });
    const add = within(form).getByRole<HTMLButtonElement>('button', {
      name: 'Add'
    });
    expect(add.disabled).toBe(true);
    fireEvent.change(within(form).getByLabelText('Path of the notebook'), {
      target: { value: '05_report.ipynb' }
    });
    fireEvent.change(within(form).getByLabelText('Needs'), {
      target: { value: 'clean' }
    });
    fireEvent.click(add);
    expect(shown.document.source).toBe(
      SOURCE + '  report:\n    notebook: 05_report.ipynb\n    needs: [clean]\n'
    );
    expect(shown.selection.step).toBe('report');
    // A query by role takes longer than the wait when the machine is busy.
    const added = row('report');
    await waitFor(() => expect(document.activeElement).toBe(added));
  });
});

describe('a text that cannot be read', () => {
  it('is shown with the line of the mistake, and leads to the text', () => {
    const shown = show('version: 1\nsteps: {a: [}\n');
    const wrong = document.querySelector('[data-wrong]')!;
    expect(wrong.textContent).toBe('2steps: {a: [}');
    fireEvent.click(screen.getByRole('button', { name: 'Edit as Text' }));
    expect(shown.texts).toMatchObject([{ line: 2 }]);
    act(() => shown.file.updateSource(11, 24, 'steps: {}'));
    expect(screen.getByText('There is no step yet.')).toBeTruthy();
  });
});
