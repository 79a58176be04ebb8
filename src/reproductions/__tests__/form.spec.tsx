import { nullTranslator } from '@jupyterlab/translation';
import { fireEvent, render, screen } from '@testing-library/react';
import React from 'react';

import type { Reproduction } from '../../api';
import { Choice, ReproductionForm } from '../components/ReproductionForm';

const trans = nullTranslator.load('dataops_lab');

const NOTEBOOK: Reproduction = {
  run: 'r1',
  kind: 'notebook',
  environment: 'sandbox',
  kernel: 'Python 3',
  image: 'data',
  folder: 'dataops-reproduce/sales-1',
  path: 'dataops-reproduce/sales-1/sales.ipynb',
  cell: 3,
  created: true,
  size: 2048,
  variables: { REGION: 'North' },
  secrets: ['PASSWORD'],
  left_out: [],
  missing: [],
  command: 'cd x\njupyter lab sales.ipynb'
};

function shown(change: Partial<Reproduction> = {}): jest.Mock {
  const onChange = jest.fn();
  const initial: Choice = { place: 'image', runAbove: true };
  render(
    <ReproductionForm
      reproduction={{ ...NOTEBOOK, ...change }}
      initial={initial}
      onChange={onChange}
      trans={trans}
    />
  );
  return onChange;
}

describe('ReproductionForm', () => {
  it('offers the image and this machine, and keeps each choice', () => {
    const onChange = shown();
    fireEvent.change(screen.getByLabelText('Kernel'), {
      target: { value: 'local' }
    });
    fireEvent.click(screen.getByRole('checkbox'));
    expect(onChange).toHaveBeenLastCalledWith({
      place: 'local',
      runAbove: false
    });
  });

  it('offers no choice where there is none', () => {
    shown({ image: null, cell: null });
    expect(screen.queryByLabelText('Kernel')).toBeNull();
    expect(screen.queryByRole('checkbox')).toBeNull();
  });

  it('names the variables and secrets that the kernel gets, and no value', () => {
    shown();
    expect(screen.getByText('PASSWORD')).toBeTruthy();
    expect(screen.getByText('REGION')).toBeTruthy();
    expect(screen.queryByText(/North/)).toBeNull();
  });

  it('says what is missing, and what this person may not have', () => {
    shown({
      left_out: ['PASSWORD'],
      missing: [{ name: 'gone.csv', reason: 'Its bytes are not stored.' }]
    });
    expect(screen.getByText('gone.csv')).toBeTruthy();
    expect(screen.getByText(/Its bytes are not stored/)).toBeTruthy();
    expect(screen.getByText(/Only those who may run in sandbox/)).toBeTruthy();
  });

  it('shows the lines for a terminal of a script, and no kernel', () => {
    shown({ kind: 'script', cell: null });
    expect(screen.getByText(/jupyter lab sales.ipynb/)).toBeTruthy();
    expect(screen.queryByLabelText('Kernel')).toBeNull();
  });
});
