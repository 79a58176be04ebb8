import { YFile } from '@jupyter/ydoc';
import { nullTranslator } from '@jupyterlab/translation';
import { act, fireEvent, render } from '@testing-library/react';
import React from 'react';
import { Composer } from 'yaml';

import { StepNode } from '../../components/StepNode';
import * as layout from '../../layout';
import { EditableSteps } from '../components/EditableSteps';
import { EditorScreen } from '../components/EditorScreen';
import PipelineCanvas from '../Canvas';
import { PipelineDocument } from '../document';
import { Lookups } from '../lookups';
import type { OpenPipeline } from '../open';
import { Selection } from '../selection';
import { EditorView } from '../view';

jest.mock('../../components/StepNode', () => {
  const actual = jest.requireActual('../../components/StepNode');
  return { ...actual, StepNode: jest.fn(actual.StepNode) };
});

const trans = nullTranslator.load('dataops_lab');

const COUNT = 200;

/** A pipeline of 200 notebooks, in which the last steps come after nearly all others. */
const LARGE = [
  'version: 1',
  'steps:',
  ...Array.from({ length: COUNT }, (_, at) =>
    [
      `  s${at}:`,
      `    notebook: s${at}.ipynb`,
      at > 4 ? `    needs: [s${at - 1}, s${at - 5}]` : ''
    ]
      .filter(Boolean)
      .join('\n')
  ),
  ''
].join('\n');

const draws = StepNode as jest.MockedFunction<typeof StepNode>;
const composes = jest.spyOn(Composer.prototype, 'compose');
const places = jest.spyOn(layout, 'placeSteps');

/** The steps whose nodes were drawn since the last call. */
function drawn(): string[] {
  const ids = draws.mock.calls.map(([{ id }]) => id);
  draws.mockClear();
  return [...new Set(ids)].sort();
}

beforeAll(() => {
  globalThis.ResizeObserver ??= class {
    observe() {}
    unobserve() {}
    disconnect() {}
  };
  globalThis.DOMMatrixReadOnly ??= class {
    m22 = 1;
  } as unknown as typeof DOMMatrixReadOnly;
});

function open(check?: () => Promise<never[]>) {
  const file = YFile.create();
  file.updateSource(0, 0, LARGE);
  const document = new PipelineDocument({ text: file, check, trans });
  return { file, document, selection: new Selection() };
}

const node = (id: string) =>
  window.document.querySelector<HTMLElement>(`.dl-Node[data-step=${id}]`)!;

describe('the canvas of 200 steps', () => {
  function draw(check?: () => Promise<never[]>) {
    const opened = open(check);
    render(
      <PipelineCanvas
        document={opened.document}
        selection={opened.selection}
        isVisible
        onOpen={() => undefined}
        files={{ refuse: () => null, add: () => undefined }}
        trans={trans}
      />
    );
    expect(drawn()).toHaveLength(COUNT);
    composes.mockClear();
    places.mockClear();
    return opened;
  }

  it('draws two nodes for a selection, reads nothing and places nothing', () => {
    const { selection } = draw();
    act(() => node('s7').focus());
    fireEvent.click(node('s7'));
    drawn();
    fireEvent.click(node('s100'));
    expect(selection.step).toBe('s100');
    expect(drawn()).toEqual(['s100', 's7']);
    expect(composes).not.toHaveBeenCalled();
    expect(places).not.toHaveBeenCalled();
  });

  it('draws one node for an edit, reads the text once and places nothing', () => {
    const { document } = draw();
    act(() => document.set('s100', ['title'], 'Clean the orders'));
    expect(node('s100').textContent).toContain('Clean the orders');
    expect(drawn()).toEqual(['s100']);
    expect(composes).toHaveBeenCalledTimes(1);
    expect(places).not.toHaveBeenCalled();
  });

  it('reads the text once for an edge, and places the steps once', () => {
    const { document } = draw();
    act(() => document.connect('s10', 's100'));
    expect(composes).toHaveBeenCalledTimes(1);
    expect(places).toHaveBeenCalledTimes(1);
  });

  it('draws no node when the server has checked the text and found nothing', async () => {
    const { document } = draw(() => Promise.resolve([]));
    await act(() => document.check());
    expect(document.state.checking).toBe(false);
    expect(drawn()).toEqual([]);
    expect(composes).not.toHaveBeenCalled();
  });
});

describe('the editor of 200 steps', () => {
  it('reads no file of earlier steps for a selection, and tells once of all it looks up', async () => {
    jest.useFakeTimers();
    const { document, selection } = open();
    const reads: string[] = [];
    const lookups = new Lookups({
      client: {
        inspect: ({ path }: { path: string }) => {
          reads.push(`inspect ${path}`);
          return Promise.resolve({ parameters: [] });
        },
        environments: { placements: () => Promise.resolve([]) }
      },
      contents: {
        driveName: () => '',
        localPath: (path: string) => path,
        get: (path: string) => {
          reads.push(path);
          return Promise.resolve({ content: [] });
        }
      },
      kernels: {},
      path: () => 'large.pipeline.yaml'
    } as unknown as ConstructorParameters<typeof Lookups>[0]);
    const told = jest.fn();
    lookups.changed.connect(told);
    const pipeline = {
      document,
      selection,
      files: {},
      lookups,
      isReadOnly: false
    } as unknown as OpenPipeline;
    const { container } = render(
      <EditorScreen
        pipeline={pipeline}
        view={new EditorView('list')}
        isVisible
        onOpen={() => undefined}
        onRefused={() => undefined}
        trans={trans}
      />
    );
    await act(() => jest.advanceTimersByTimeAsync(1000));
    told.mockClear();
    reads.length = 0;
    act(() => selection.select('s199'));
    await act(() => jest.advanceTimersByTimeAsync(1000));
    expect(reads).toEqual(['', 'inspect s199.ipynb']);
    expect(told).toHaveBeenCalledTimes(1);
    // The other steps are there when somebody asks for them.
    expect(container.querySelectorAll('.dl-Needs input')).toHaveLength(2);
    const others = container.querySelector('details')!;
    act(() => {
      others.open = true;
      fireEvent(others, new Event('toggle'));
    });
    expect(container.querySelectorAll('.dl-Needs input')).toHaveLength(
      COUNT - 1
    );
    jest.useRealTimers();
  });

  it('draws the rows of the list again that have changed, and no others', () => {
    const { document } = open();
    const list = (selected: string[]) => (
      <EditableSteps
        document={document}
        state={document.state}
        selected={selected}
        disabled={false}
        onSelect={() => undefined}
        onProperties={() => undefined}
        onEdit={edit => edit()}
        onSay={() => undefined}
        onAdd={() => undefined}
        trans={trans}
      />
    );
    const says = jest.spyOn(trans, '__');
    const rows = () => {
      const ids = says.mock.calls
        .filter(([text]) => text === 'Actions for %1')
        .map(([, id]) => id);
      says.mockClear();
      return ids;
    };
    const { rerender } = render(list(['s1']));
    expect(rows()).toHaveLength(COUNT);
    rerender(list(['s100']));
    // The tab stop goes along.
    expect(rows()).toEqual(['s1', 's100']);
    document.set('s7', ['title'], 'Clean');
    rerender(list(['s100']));
    expect(rows()).toEqual(['s7']);
    says.mockRestore();
  });
});
