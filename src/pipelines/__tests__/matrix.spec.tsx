import { nullTranslator } from '@jupyterlab/translation';
import { act, fireEvent, render, screen } from '@testing-library/react';
import React from 'react';

import type { MatrixRun, RunSummary, StepCell, StepMatrix } from '../../api';
import { Matrix } from '../components/Matrix';
import { groupsOf, textOfCell } from '../matrix';

const trans = nullTranslator.load('dataops_lab');

const TITLE = 'Train all';

function cell(step: string, change: Partial<StepCell> = {}): StepCell {
  return {
    step,
    state: 'succeeded',
    reason: null,
    with_failures: false,
    nothing_to_do: false,
    started_at: '2026-01-31T08:00:00Z',
    finished_at: '2026-01-31T08:00:04Z',
    taken_from: null,
    run_id: `run-of-${step}`,
    items: null,
    ...change
  };
}

function column(
  id: string,
  cells: StepCell[] = [],
  repairs: string | null = null
): MatrixRun {
  const run = {
    id,
    phase: 'succeeded',
    created_at: '2026-01-31T08:00:00Z',
    started_at: '2026-01-31T08:00:00Z',
    finished_at: '2026-01-31T08:00:09Z',
    reason: null,
    trigger: { kind: repairs ? 'repair' : 'manual', ref: repairs }
  } as unknown as RunSummary;
  return { run, cells };
}

const MATRIX: StepMatrix = {
  steps: [
    { id: 'extract', title: '', kind: 'notebook' },
    { id: 'train', title: TITLE, kind: 'notebook' },
    { id: 'old', title: '', kind: null }
  ],
  runs: [
    column('r2', [
      cell('extract', { run_id: 'r2-extract' }),
      cell('train', {
        state: 'failed',
        run_id: null,
        items: { total: 4, succeeded: 3, failed: 1, active: 0, waiting: 0 },
        reason: { code: 'x', message: '1 of 4 items failed.', detail: {} }
      })
    ]),
    column('r1', [cell('extract', { run_id: 'r1-extract' }), cell('old')])
  ],
  next: null
};

function draw(): string[] {
  const opened: string[] = [];
  render(
    <Matrix matrix={MATRIX} onOpen={run => opened.push(run)} trans={trans} />
  );
  return opened;
}

const place = () => {
  const { row, column: at } = (document.activeElement as HTMLElement).dataset;
  return `${row},${at}`;
};

describe('groupsOf', () => {
  it('puts repairs beside what they repair, at the place of the first run', () => {
    const runs = [
      column('r5', [], 'r3'),
      column('r4'),
      column('r3', [], 'r2'),
      column('r2'),
      column('r1')
    ];
    expect(
      groupsOf({ runs }).map(group => group.columns.map(({ run }) => run.id))
    ).toEqual([['r4'], ['r5', 'r3', 'r2'], ['r1']]);
  });

  it('keeps the repair of a run that is on another page', () => {
    const groups = groupsOf({ runs: [column('r3', [], 'r1'), column('r2')] });
    expect(groups.map(group => group.root)).toEqual(['r2', 'r1']);
  });
});

describe('textOfCell', () => {
  it('says what the icon shows, and what it does not', () => {
    expect(textOfCell(cell('a'), trans)).toBe('Succeeded · 4 s');
    const taken = cell('a', { taken_from: 'r0', started_at: null });
    expect(textOfCell(taken, trans)).toBe(
      'Succeeded · taken over from another run'
    );
    expect(textOfCell(MATRIX.runs[0].cells[1], trans)).toBe(
      'Failed · 1 of 4 items failed · 4 s · 1 of 4 items failed.'
    );
  });
});

describe('Matrix', () => {
  it('is a grid with a row for each step and a column for each run', () => {
    draw();
    expect(screen.getByRole('grid', { name: 'Runs and steps' })).toBeTruthy();
    expect(screen.getAllByRole('columnheader')).toHaveLength(2);
    expect(
      screen.getAllByRole('rowheader').map(header => header.textContent)
    ).toEqual(['extract', 'Train all', 'old (no more)']);
    expect(
      screen.getAllByRole('gridcell', { name: 'Not in this version' })
    ).toHaveLength(2);
  });

  it('opens the record of a step, and the run itself for a fan-out or a head', () => {
    const opened = draw();
    for (const name of [/^extract: /, /^Train all: /]) {
      fireEvent.click(screen.getAllByRole('button', { name })[0]);
    }
    const heads = screen.getAllByRole('columnheader');
    fireEvent.click(heads[1].querySelector('button')!);
    expect(opened).toEqual(['r2-extract', 'r2', 'r1']);
  });

  it('is one stop of the tab key, and the arrow keys go from cell to cell', () => {
    draw();
    const stops = () => document.querySelectorAll('[data-row][tabindex="0"]');
    expect(stops()).toHaveLength(1);
    act(() => (stops()[0] as HTMLElement).focus());
    const ways: [string, string][] = [
      ['ArrowDown', '1,0'],
      ['ArrowRight', '1,1'],
      ['ArrowRight', '1,1'],
      ['PageDown', '3,1'],
      ['Home', '3,0'],
      ['ArrowUp', '2,0'],
      ['End', '2,1']
    ];
    for (const [key, target] of ways) {
      fireEvent.keyDown(document.activeElement!, { key });
      expect(`${key} ${place()}`).toBe(`${key} ${target}`);
    }
    expect(stops()).toHaveLength(1);
    fireEvent.keyDown(document.activeElement!, { key: 'Home', ctrlKey: true });
    expect(place()).toBe('0,0');
  });
});
