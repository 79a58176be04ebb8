import { nullTranslator } from '@jupyterlab/translation';
import { fireEvent, render, screen } from '@testing-library/react';
import React from 'react';

import { Comparison as Compared, Problem } from '../../api';
import { ComparisonModel } from '../comparison';
import { Comparison } from '../components/Comparison';

const trans = nullTranslator.load('dataops_lab');
const AT = '2026-03-02T08:00:00Z';

const COMPARED = {
  run: 'R',
  good: { id: 'GOOD', created_at: AT, finished_at: AT },
  line: 'Since the last success …',
  differences: [
    { kind: 'code', text: 'cell 3 changed', at: AT, by: { name: 'Ada' } },
    { kind: 'input', text: 'a.csv is gone', at: null, by: null },
    { kind: 'host', text: '<b>docker</b>', at: null, by: null }
  ]
} as unknown as Compared;

function shown(comparison: Compared, onOpen = jest.fn()): string {
  const { container } = render(
    <Comparison comparison={comparison} onOpen={onOpen} trans={trans} />
  );
  return container.textContent ?? '';
}

describe('Comparison', () => {
  it('has the likeliest differences in one line, and unfolds the others', () => {
    const text = shown(COMPARED);
    expect(text).toContain('cell 3 changed (Ada');
    expect(text).toContain('; a.csv is gone');
    expect(screen.getByText('1 more difference')).toBeTruthy();
    expect(text).toContain('<b>docker</b>');
  });

  it('opens the run that succeeded', () => {
    const onOpen = jest.fn();
    shown(COMPARED, onOpen);
    fireEvent.click(screen.getByText(/the last success/));
    expect(onOpen).toHaveBeenCalledWith('GOOD');
  });

  it('says plainly that nothing differs, or that nothing ever succeeded', () => {
    expect(shown({ ...COMPARED, differences: [] })).toContain(
      'Nothing that is recorded differs from'
    );
    const line = 'No run of this job has succeeded in sandbox before.';
    expect(shown({ ...COMPARED, good: null, line, differences: [] })).toBe(
      line
    );
  });
});

describe('ComparisonModel', () => {
  it('asks once, and again only after a failure', async () => {
    const comparison = jest
      .fn<Promise<Compared>, [string]>()
      .mockRejectedValueOnce(new Problem({ detail: 'Later.' }))
      .mockResolvedValue(COMPARED);
    const model = new ComparisonModel('R', { comparison });
    await model.load();
    expect(model.trouble?.message).toBe('Later.');
    await Promise.all([model.load(), model.load()]);
    await model.load();
    expect(model.comparison).toBe(COMPARED);
    expect(comparison).toHaveBeenCalledTimes(2);
  });
});
