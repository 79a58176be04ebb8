import { nullTranslator } from '@jupyterlab/translation';
import { render, screen } from '@testing-library/react';
import React from 'react';

import type { Run } from '../../api';
import { RunsTable } from '../components/RunsTable';

const NOTHING = () => undefined;
const RUN = {
  id: 'r1',
  state: 'active',
  phase: 'running',
  job: { name: 'sales', path: 'sales.ipynb' },
  version: { number: 1 },
  progress: { done: 0, total: 1, current: null },
  attempts: [],
  reason: null,
  created_by: { id: 'ada', name: 'ada', kind: 'person' },
  created_at: '2026-01-31T08:00:00Z',
  started_at: null,
  finished_at: null,
  cancel_requested_at: null
} as unknown as Run;

/** The button that cancels a run of Ada's. */
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
  it('offers to cancel a run to whoever may', () => {
    expect(cancel(true).disabled).toBe(false);
  });

  it('says who may cancel a run to whoever may not', () => {
    const button = cancel(false);
    expect(button.disabled).toBe(true);
    expect(button.title).toBe('Only ada and administrators may cancel it');
  });
});
