import { nullTranslator } from '@jupyterlab/translation';
import { render, screen } from '@testing-library/react';
import React from 'react';

import type { RunSummary } from '../../api';
import { RunsTable } from '../components/RunsTable';

const NOTHING = () => undefined;
const PROGRESS = { done: 3, total: 6, current: null };
const RUN = {
  id: 'r1',
  kind: 'notebook',
  state: 'active',
  phase: 'running',
  job: { name: 'sales', path: 'sales.ipynb' },
  version: { number: 1 },
  progress: { done: 0, total: 1, current: null },
  attempt: 1,
  revision: 1,
  reason: null,
  created_by: { id: 'ada', name: 'ada', kind: 'person' },
  created_at: '2026-01-31T08:00:00Z',
  started_at: null,
  finished_at: null,
  cancel_requested_at: null
} as unknown as RunSummary;

/** Draw a run of Ada's, and return the button that cancels it. */
function cancel(mayChange: boolean): HTMLButtonElement {
  render(
    <RunsTable
      runs={[RUN]}
      isMine={() => false}
      mayChange={() => mayChange}
      onOpen={NOTHING}
      onCancel={NOTHING}
      onRerun={NOTHING}
      trans={nullTranslator.load('')}
    />
  );
  return screen.getByRole('button', { name: 'Cancel sales' });
}

describe('RunsTable', () => {
  it('draws of a thousand runs only those in view, and says how many there are', () => {
    // Without this, no element has a height here.
    jest.spyOn(Element.prototype, 'clientHeight', 'get').mockReturnValue(400);
    jest
      .spyOn(HTMLElement.prototype, 'offsetHeight', 'get')
      .mockReturnValue(33);
    const runs = Array.from({ length: 1000 }, (_, at) => ({
      ...RUN,
      id: `r${at}`
    }));
    const { container } = render(
      <div className="dl-RunsList">
        <RunsTable
          runs={runs}
          isMine={() => true}
          mayChange={() => true}
          onOpen={NOTHING}
          onCancel={NOTHING}
          onRerun={NOTHING}
          trans={nullTranslator.load('')}
        />
      </div>
    );
    const rows = [...container.querySelectorAll('tr[data-run]')];
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.length).toBeLessThan(100);
    expect(rows[0].getAttribute('aria-rowindex')).toBe('2');
    const table = screen.getByRole('table');
    expect(table.getAttribute('aria-rowcount')).toBe('1001');
    jest.restoreAllMocks();
  });

  it('marks a pipeline by its icon, and says how many steps have ended', () => {
    render(
      <RunsTable
        runs={[{ ...RUN, kind: 'pipeline', progress: PROGRESS }]}
        isMine={() => true}
        mayChange={() => true}
        onOpen={NOTHING}
        onCancel={NOTHING}
        onRerun={NOTHING}
        trans={nullTranslator.load('')}
      />
    );
    expect(screen.getByRole('img', { name: 'Pipeline' })).not.toBeNull();
    expect(screen.getByText('3 of 6 steps')).not.toBeNull();
  });

  it('offers to cancel a run to whoever may', () => {
    expect(cancel(true).disabled).toBe(false);
  });

  it('says who may cancel a run to whoever may not', () => {
    const button = cancel(false);
    expect(button.disabled).toBe(true);
    expect(button.title).toBe('Only ada and administrators may cancel it');
  });
});
