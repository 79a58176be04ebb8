import { nullTranslator } from '@jupyterlab/translation';
import { fireEvent, render, screen } from '@testing-library/react';
import React from 'react';

import type { Item, ItemTable as Table } from '../../api';
import { ItemTable } from '../components/ItemTable';
import { columnsOf, csvOf } from '../itemTable';
import { reason } from './fixtures';

const trans = nullTranslator.load('dataops_lab');

function point(region: string, auc: number | null, change = {}): Item {
  return {
    key: `region=${region}`,
    run_id: `run-${region}`,
    phase: 'succeeded',
    parameters: { region },
    values: auc === null ? {} : { auc },
    reason: null,
    started_at: '2026-11-01T12:00:00Z',
    finished_at: '2026-11-01T12:00:05Z',
    ...change
  };
}

const TABLE: Table = {
  parameters: ['region'],
  values: ['auc'],
  items: [
    point('North', 0.9),
    point('South', null, {
      phase: 'failed',
      reason: reason('Cell 2 failed.')
    }),
    point('East', 0.85),
    point('West', 10)
  ]
};

function draw(table: Table | null = TABLE) {
  const opened: string[] = [];
  render(
    <ItemTable
      state={{ table, trouble: null }}
      label={trans.__('Points of train')}
      fileName="train.csv"
      onOpen={run => opened.push(run)}
      onRetry={() => undefined}
      trans={trans}
    />
  );
  return opened;
}

const shown = () =>
  [...document.querySelectorAll('tr[data-item] th')].map(
    cell => cell.textContent
  );

const sortOf = (name: string) =>
  screen.getByRole('columnheader', { name }).getAttribute('aria-sort');

describe('ItemTable', () => {
  it('has a row for each item in their order, which opens its run', () => {
    const opened = draw();
    expect(shown()).toEqual(['North', 'South', 'East', 'West']);
    fireEvent.click(screen.getByRole('button', { name: 'region=South' }));
    expect(opened).toEqual(['run-South']);
  });

  it('sorts by a value up and down, and leaves what has none at the end', () => {
    draw();
    expect(sortOf('auc')).toBe('none');
    fireEvent.click(screen.getByRole('button', { name: 'auc' }));
    expect(shown()).toEqual(['East', 'North', 'West', 'South']);
    expect(sortOf('auc')).toBe('ascending');
    fireEvent.click(screen.getByRole('button', { name: 'auc' }));
    expect(shown()).toEqual(['West', 'North', 'East', 'South']);
    expect(sortOf('auc')).toBe('descending');
  });

  it('sorts by a parameter and by state', () => {
    draw();
    fireEvent.click(screen.getByRole('button', { name: 'region' }));
    expect(shown()).toEqual(['East', 'North', 'South', 'West']);
    fireEvent.click(screen.getByRole('button', { name: 'State' }));
    expect(shown()[0]).toBe('South');
  });

  it('shows only those that failed on demand', () => {
    draw();
    fireEvent.click(screen.getByLabelText('Failed only'));
    expect(shown()).toEqual(['South']);
    expect(screen.getByText('Cell 2 failed.')).not.toBeNull();
  });

  it('names an item that has not started, and opens nothing', () => {
    const waiting = point('North', null, {
      run_id: null,
      phase: 'waiting',
      started_at: null
    });
    draw({ ...TABLE, items: [waiting] });
    expect(screen.queryByRole('button', { name: 'region=North' })).toBeNull();
    expect(screen.getByText('Waiting')).not.toBeNull();
  });

  it('draws of a thousand items only those in view', () => {
    jest.spyOn(Element.prototype, 'clientHeight', 'get').mockReturnValue(300);
    jest
      .spyOn(HTMLElement.prototype, 'offsetHeight', 'get')
      .mockReturnValue(29);
    const items = Array.from({ length: 1000 }, (_, at) => point(`r${at}`, at));
    draw({ ...TABLE, items });
    const rows = document.querySelectorAll('tr[data-item]').length;
    expect(rows).toBeGreaterThan(0);
    expect(rows).toBeLessThan(100);
    expect(screen.getByRole('table').getAttribute('aria-rowcount')).toBe(
      '1001'
    );
    jest.restoreAllMocks();
  });

  it('writes CSV in which no text is a formula or breaks a row', () => {
    const hostile = point('=1+1', null, {
      key: 'region="=1+1"',
      values: { auc: 'a,"b"\nc' }
    });
    expect(csvOf(TABLE, [hostile], 0)).toBe(
      'item,state,run,seconds,region,auc\r\n' +
        '"region=""=1+1""",succeeded,run-=1+1,5,\'=1+1,"a,""b""\nc"\r\n'
    );
  });

  it('shows the key where parameters do not differ', () => {
    const table = { ...TABLE, parameters: [] };
    expect(columnsOf(table)[0]).toEqual({ kind: 'key' });
  });
});
