import { nullTranslator } from '@jupyterlab/translation';
import { render } from '@testing-library/react';
import React from 'react';

import type { Item, ItemTable as Table, PipelineStep } from '../../api';
import { sameWhereEqual } from '../../shared/same';
import { ItemTable } from '../components/ItemTable';
import { PipelineGraph } from '../components/PipelineGraph';
import { StepList } from '../components/StepList';
import { StepNode } from '../components/StepNode';
import { step } from './fixtures';

jest.mock('../components/StepNode', () => {
  const actual = jest.requireActual('../components/StepNode');
  return { ...actual, StepNode: jest.fn(actual.StepNode) };
});

const trans = nullTranslator.load('dataops_lab');

const draws = StepNode as jest.MockedFunction<typeof StepNode>;
const COUNT = 200;

/** The steps as the server tells them, of which the first `ended` have ended. */
const answer = (ended: number): PipelineStep[] =>
  Array.from({ length: COUNT }, (_, at) =>
    step(`s${at}`, {
      needs: at ? [`s${at - 1}`] : [],
      state: at < ended ? 'succeeded' : 'waiting'
    })
  );

describe('a run of 200 steps', () => {
  it('draws one node again when one step has ended', () => {
    const graph = (steps: readonly PipelineStep[]) => (
      <PipelineGraph steps={steps} onOpen={() => undefined} trans={trans} />
    );
    const before = answer(3);
    const { rerender } = render(graph(before));
    draws.mockClear();
    rerender(graph(sameWhereEqual(before, answer(4))));
    expect(draws.mock.calls.map(([{ id }]) => id)).toEqual(['s3']);
  });

  it('draws one row again when one step has ended', () => {
    const list = (steps: readonly PipelineStep[]) => (
      <StepList
        steps={steps}
        startedAt={null}
        finishedAt={null}
        unfolded={null}
        onUnfold={() => undefined}
        onOpen={() => undefined}
        onOpenRun={() => undefined}
        onReproduce={() => undefined}
        drawItems={() => null}
        trans={trans}
      />
    );
    const says = jest.spyOn(trans, '__');
    const rows = () => {
      const names = says.mock.calls
        .filter(([text]) => text === 'Open %1 with its inputs')
        .map(([, name]) => name);
      says.mockClear();
      return names;
    };
    const before = answer(3);
    const { rerender } = render(list(before));
    expect(rows()).toHaveLength(COUNT);
    rerender(list(sameWhereEqual(before, answer(4))));
    expect(rows()).toEqual(['s3']);
    says.mockRestore();
  });
});

describe('a table of 1,000 items', () => {
  it('holds the rows that are in view, and keeps the others as they were', () => {
    const answered = (ended: number): Table => ({
      parameters: ['seed'],
      values: [],
      items: Array.from(
        { length: 1000 },
        (_, at) =>
          ({
            key: `seed=${at}`,
            index: at,
            parameters: { seed: at },
            values: {},
            phase: at < ended ? 'succeeded' : 'waiting',
            run_id: null,
            reason: null,
            started_at: null,
            finished_at: null
          }) as unknown as Item
      )
    });
    const before = answered(5);
    const after = sameWhereEqual(before, answered(6));
    const kept = after.items.filter((item, at) => item === before.items[at]);
    expect(kept).toHaveLength(999);
    const { container } = render(
      <ItemTable
        state={{ table: after, trouble: null }}
        label={trans.__('Points')}
        fileName="points.csv"
        onOpen={() => undefined}
        onRetry={() => undefined}
        trans={trans}
      />
    );
    expect(container.querySelectorAll('tr[data-item]').length).toBeLessThan(60);
    const table = container.querySelector('table')!;
    expect(table.getAttribute('aria-rowcount')).toBe('1001');
  });
});
