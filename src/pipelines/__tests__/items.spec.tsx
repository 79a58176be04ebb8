import { nullTranslator } from '@jupyterlab/translation';
import { fireEvent, render, screen } from '@testing-library/react';
import React from 'react';

import type { RunSummary } from '../../api';
import type { Filter, ListState } from '../../runs/listModel';
import { FAILED, Items } from '../components/Items';
import { item, reason, STEPS } from './fixtures';

const trans = nullTranslator.load('dataops_lab');
const TRAIN = STEPS[2];

function draw(list: Partial<ListState>) {
  const told = { filters: [] as Filter[], more: 0, opened: [] as string[] };
  render(
    <Items
      step={TRAIN}
      list={{
        filter: { states: [], text: '' },
        runs: [],
        loading: false,
        hasMore: false,
        trouble: null,
        ...list
      }}
      onFilter={filter => told.filters.push(filter)}
      onMore={() => (told.more += 1)}
      onRetry={() => undefined}
      onOpen={run => told.opened.push(run.id)}
      trans={trans}
    />
  );
  return told;
}

function items(count: number): RunSummary[] {
  return Array.from({ length: count }, (_, at) => item(`region-${at}`));
}

describe('Items', () => {
  it('names each item by its key, which may have slashes, and opens its run', () => {
    const { opened } = draw({
      runs: [
        item('eu/north', { state: 'failed', reason: reason('Cell 2 failed.') })
      ]
    });
    const row = screen.getByRole('row', { name: /eu\/north/ });
    expect(row.textContent).toContain('Cell 2 failed.');
    fireEvent.click(screen.getByRole('button', { name: 'eu/north' }));
    expect(opened).toEqual(['run-eu/north']);
  });

  it('draws of a thousand items only those in view', () => {
    jest.spyOn(Element.prototype, 'clientHeight', 'get').mockReturnValue(300);
    jest
      .spyOn(HTMLElement.prototype, 'offsetHeight', 'get')
      .mockReturnValue(29);
    draw({ runs: items(1000) });
    const rows = document.querySelectorAll('tr[data-run]');
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.length).toBeLessThan(100);
    expect(screen.getByRole('table').getAttribute('aria-rowcount')).toBe(
      '1001'
    );
    jest.restoreAllMocks();
  });

  it('reads the next page when the end comes into view', () => {
    expect(draw({ runs: items(50), hasMore: true }).more).toBe(1);
    expect(draw({ runs: items(50), hasMore: false }).more).toBe(0);
    expect(draw({ runs: items(50), hasMore: true, loading: true }).more).toBe(
      0
    );
  });

  it('shows only those that failed on demand', () => {
    const { filters } = draw({ runs: items(1) });
    fireEvent.click(screen.getByLabelText('Failed only'));
    expect(filters).toEqual([{ states: FAILED, text: '' }]);
  });

  it('says how many items wait, and when none has failed', () => {
    draw({ runs: items(1) });
    expect(screen.getByText('24 more items wait.')).not.toBeNull();
    draw({ filter: { states: FAILED, text: '' } });
    expect(screen.getByText('No item failed.')).not.toBeNull();
  });
});
