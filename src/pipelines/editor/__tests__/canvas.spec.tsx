import { YFile } from '@jupyter/ydoc';
import { nullTranslator } from '@jupyterlab/translation';
import { act, fireEvent, render, screen } from '@testing-library/react';
import React from 'react';

import PipelineCanvas from '../Canvas';
import { PipelineDocument } from '../document';
import type { FileTarget } from '../drop';
import { Selection } from '../selection';

const trans = nullTranslator.load('dataops_lab');

const CHAIN = `version: 1
steps:
  extract:
    notebook: extract.ipynb
  clean:
    title: Clean the orders
    script: clean.py
    needs: [extract]  # guessed
    if: steps.extract.values.rows > 0
  train:
    notebook: train.ipynb
    needs: [clean]
    for_each: {inputs: [a, b]}
    run_if: none_failed
    disabled: true
  publish:
    approve: {ask: Are they right?}
    needs: [train]
`;

beforeAll(() => {
  // The DOM of the tests has no sizes, and so nothing that tells of them.
  globalThis.ResizeObserver ??= class {
    observe() {}
    unobserve() {}
    disconnect() {}
  };
  globalThis.DOMMatrixReadOnly ??= class {
    m22 = 1;
  } as unknown as typeof DOMMatrixReadOnly;
});

function draw(
  source = CHAIN,
  files: Partial<FileTarget> = {},
  isReadOnly = false
) {
  const file = YFile.create();
  file.updateSource(0, 0, source);
  const document = new PipelineDocument({
    text: file,
    isReadOnly: () => isReadOnly,
    trans
  });
  const selection = new Selection();
  const opened: string[] = [];
  const { container } = render(
    <PipelineCanvas
      document={document}
      selection={selection}
      isVisible={true}
      onOpen={step => opened.push(step)}
      files={{ refuse: () => null, add: () => undefined, ...files }}
      trans={trans}
    />
  );
  return { file, document, selection, opened, container };
}

const node = (id: string) =>
  document.querySelector<HTMLElement>(`.dl-Node[data-step=${id}]`)!;
const edge = (from: string, to: string) =>
  document.querySelector(
    `.react-flow__edge[data-id='${JSON.stringify([from, to])}']`
  )!;

/** Send an event of a Lumino drag of files. */
function drag(type: string, target: Element, paths: string[]): Event {
  const event = new Event(type, { bubbles: true, cancelable: true });
  Object.assign(event, {
    proposedAction: 'move',
    dropAction: 'none',
    mimeData: {
      hasData: (mime: string) => mime === 'application/x-jupyter-icontents',
      getData: () => paths
    }
  });
  act(() => void target.dispatchEvent(event));
  return event;
}

describe('PipelineCanvas', () => {
  it('has a name that leads to the list of the steps', () => {
    draw();
    const canvas = screen.getByRole('group', { name: /list of the steps/ });
    expect(canvas.className).toBe('dl-Canvas');
  });

  it('says in words what decides whether a step runs', () => {
    draw();
    expect(node('clean').textContent).toContain('Clean the orders');
    expect(node('clean').textContent).toContain('clean.py');
    expect(node('clean').textContent).toContain('if');
    expect(node('clean').title).toContain('steps.extract.values.rows > 0');
    expect(node('train').textContent).toContain('for each');
    expect(node('train').textContent).toContain('none failed');
    expect(node('train').textContent).toContain('Disabled');
    expect(node('publish').textContent).toContain('Are they right?');
  });

  it('draws an edge for each need, and asks about a guess', () => {
    const { file } = draw();
    expect(document.querySelectorAll('.dl-CanvasEdge')).toHaveLength(3);
    const guess = screen.getByRole('button', { name: /seems to read/ });
    fireEvent.click(guess);
    expect(file.getSource()).toBe(CHAIN.replace('  # guessed', ''));
    expect(screen.queryByRole('button', { name: /seems to read/ })).toBeNull();
  });

  it('has no dots to draw from and no question to answer when the file is read-only', () => {
    draw(CHAIN, {}, true);
    expect(
      document.querySelector('.react-flow__handle.connectable')
    ).toBeNull();
    const guess = screen.getByRole('button', { name: /seems to read/ });
    expect((guess as HTMLButtonElement).disabled).toBe(true);
  });

  it('selects a step alone, and with Ctrl one more', () => {
    const { selection } = draw();
    fireEvent.click(node('extract'));
    expect(selection.selected.steps).toEqual(['extract']);
    fireEvent.click(node('train'), { ctrlKey: true });
    expect(selection.selected.steps).toEqual(['extract', 'train']);
    fireEvent.click(node('train'));
    expect(selection.selected.steps).toEqual(['train']);
    expect(node('train').getAttribute('aria-pressed')).toBe('true');
    expect(node('extract').getAttribute('aria-pressed')).toBe('false');
  });

  it('selects an edge, and what somebody clicks with the right button', () => {
    const { selection } = draw();
    fireEvent.click(edge('extract', 'clean'));
    expect(selection.selected.edges).toEqual([
      { from: 'extract', to: 'clean' }
    ]);
    fireEvent.contextMenu(node('train'));
    expect(selection.selected).toEqual({ steps: ['train'], edges: [] });
    fireEvent.contextMenu(edge('clean', 'train'));
    expect(selection.selected).toEqual({
      steps: [],
      edges: [{ from: 'clean', to: 'train' }]
    });
  });

  it('has one tab stop, and the arrow keys go from step to step', () => {
    draw();
    const nodes = ['extract', 'clean', 'train', 'publish'].map(node);
    expect(nodes.map(each => each.tabIndex)).toEqual([0, -1, -1, -1]);
    act(() => nodes[0].focus());
    fireEvent.keyDown(nodes[0], { key: 'ArrowRight' });
    expect(document.activeElement).toBe(nodes[1]);
    expect(nodes.map(each => each.tabIndex)).toEqual([-1, 0, -1, -1]);
  });

  it('keeps the focus when the step that had it is gone', () => {
    const { file } = draw();
    act(() => node('publish').focus());
    act(() => file.setSource(CHAIN.replace(/ {2}publish:[^]*/, '')));
    expect(document.activeElement?.className).toBe('dl-Canvas');
  });

  it('opens the file of a step on a double click', () => {
    const { opened } = draw();
    fireEvent.doubleClick(node('clean'));
    expect(opened).toEqual(['clean']);
  });

  it('follows the text', () => {
    const { file } = draw();
    act(() => file.setSource('steps:\n  only:\n    notebook: a.ipynb\n'));
    expect(document.querySelectorAll('.dl-Node')).toHaveLength(1);
    act(() => file.setSource('version: 1\nsteps:\n'));
    expect(screen.getByRole('status').textContent).toContain('Drag notebooks');
  });

  it('draws a file whose steps wait for one another', () => {
    draw(
      'steps:\n  a: {notebook: a.ipynb, needs: [b, a]}\n' +
        '  b: {notebook: b.ipynb, needs: [a, gone]}\n'
    );
    expect(document.querySelectorAll('.dl-Node')).toHaveLength(2);
  });

  it('listens to no keys of the page', () => {
    const listens = [window, document].map(target =>
      jest.spyOn(target, 'addEventListener')
    );
    draw();
    const types = listens.flatMap(({ mock }) =>
      mock.calls.map(([type]) => type)
    );
    expect(types.filter(type => type.startsWith('key'))).toEqual([]);
    listens.forEach(spy => spy.mockRestore());
  });
});

describe('files that are dragged onto the canvas', () => {
  it('become steps, and the panel around gets nothing of it', () => {
    const add = jest.fn();
    const { container } = draw(CHAIN, { add });
    const around = jest.fn();
    container.addEventListener('lm-dragenter', around);
    const pane = document.querySelector('.react-flow__pane')!;
    expect(drag('lm-dragenter', pane, ['a.ipynb']).defaultPrevented).toBe(true);
    expect(around).not.toHaveBeenCalled();
    const over = drag('lm-dragover', pane, ['a.ipynb', 'b.py']);
    expect(over).toMatchObject({ dropAction: 'move' });
    expect(screen.getByRole('status').textContent).toBe('Add 2 steps.');
    drag('lm-drop', pane, ['a.ipynb', 'b.py']);
    expect(add).toHaveBeenCalledWith(['a.ipynb', 'b.py'], {});
    expect(screen.getByRole('status').textContent).toBe('');
  });

  it('are dropped on a step or on an edge', () => {
    const add = jest.fn();
    draw(CHAIN, { add });
    drag('lm-dragover', node('clean'), ['a.ipynb']);
    expect(screen.getByRole('status').textContent).toContain('needs clean');
    expect(node('clean').dataset.dropTarget).toBe('true');
    drag('lm-drop', node('clean'), ['a.ipynb']);
    expect(add).toHaveBeenLastCalledWith(['a.ipynb'], { onto: 'clean' });
    drag('lm-dragover', edge('clean', 'train'), ['a.ipynb']);
    expect(screen.getByRole('status').textContent).toContain(
      'between clean and train'
    );
    drag('lm-drop', edge('clean', 'train'), ['a.ipynb']);
    expect(add).toHaveBeenLastCalledWith(['a.ipynb'], {
      between: { from: 'clean', to: 'train' }
    });
  });

  it('are refused with the reason, and the others are taken', () => {
    const add = jest.fn();
    const refuse = (path: string) => (path === 'a.csv' ? 'No step.' : null);
    draw(CHAIN, { add, refuse });
    const pane = document.querySelector('.react-flow__pane')!;
    expect(drag('lm-dragover', pane, ['a.csv'])).toMatchObject({
      dropAction: 'none'
    });
    expect(screen.getByRole('status').textContent).toBe('No step.');
    drag('lm-drop', pane, ['a.csv']);
    expect(add).not.toHaveBeenCalled();
    drag('lm-drop', pane, ['a.csv', 'b.py']);
    expect(add).toHaveBeenCalledWith(['b.py'], {});
  });

  it('are forgotten when they leave', () => {
    draw();
    drag('lm-dragover', node('clean'), ['a.ipynb']);
    drag('lm-dragleave', node('clean'), ['a.ipynb']);
    expect(screen.getByRole('status').textContent).toBe('');
    expect(node('clean').dataset.dropTarget).toBeUndefined();
  });
});
