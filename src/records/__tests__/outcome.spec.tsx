import { nullTranslator } from '@jupyterlab/translation';
import { render } from '@testing-library/react';
import React from 'react';

import type { Run } from '../../api';
import { Outcome } from '../components/Outcome';

const trans = nullTranslator.load('dataops_lab');

const FAILED = {
  kind: 'script',
  state: 'failed',
  next_attempt_at: null,
  parameters: { month: '2026-10-01' },
  reason: {
    code: 'exit_status',
    message: 'The script ended with exit status 1: ValueError: no rows',
    detail: { cell: null, traceback: ['Traceback …\nValueError: no rows'] }
  }
} as unknown as Run;

function shown(run: Run): string {
  const ignore = () => undefined;
  const { container } = render(
    <Outcome
      run={run}
      failingNumber={null}
      onShowCell={ignore}
      onOpenNotebook={ignore}
      onShowLog={ignore}
      onTakeAlong={ignore}
      onReproduce={ignore}
      trans={trans}
    />
  );
  return container.textContent ?? '';
}

describe('Outcome of a script', () => {
  it('shows the error, the parameters and the way to the log', () => {
    const text = shown(FAILED);
    expect(text).toContain('Traceback …');
    expect(text).toContain('2026-10-01');
    expect(text).toContain('Show the log');
    expect(text).not.toContain('Show the cell');
  });

  it('offers to reproduce a failure, and nothing that went well', () => {
    expect(shown(FAILED)).toContain('Reproduce…');
    expect(shown({ ...FAILED, state: 'succeeded' })).not.toContain('Reproduce');
    expect(shown({ ...FAILED, kind: 'pipeline' })).not.toContain('Reproduce');
  });

  it('shows a file that stayed behind, and takes it along', () => {
    const detail = { ...FAILED.reason!.detail, left_behind: 'rows.csv' };
    const run = { ...FAILED, reason: { ...FAILED.reason!, detail } };
    expect(shown(run)).toContain('rows.csv lies beside the script');
    expect(shown(run)).toContain('Take rows.csv along');
  });
});
