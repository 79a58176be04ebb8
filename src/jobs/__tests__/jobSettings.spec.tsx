import { nullTranslator } from '@jupyterlab/translation';
import { render, screen } from '@testing-library/react';
import React from 'react';

import type { Job } from '../../api';
import { JobSettings } from '../components/JobSettings';
import { NO_SETTINGS } from '../settings';

const NOTHING = () => undefined;

function show(mayChange: boolean): HTMLButtonElement {
  render(
    <JobSettings
      state={{
        job: {
          source: 'sales.ipynb',
          created_by: { name: 'ada' }
        } as unknown as Job,
        name: 'sales',
        concurrency: '',
        pinned: '',
        settings: NO_SETTINGS,
        problems: {},
        saving: false,
        saved: false,
        trouble: null
      }}
      mayChange={mayChange}
      onEdit={NOTHING}
      onSettings={NOTHING}
      onSave={NOTHING}
      onReload={NOTHING}
      trans={nullTranslator.load('')}
    />
  );
  return screen.getByRole('button', { name: 'Save' });
}

describe('JobSettings', () => {
  it('saves for whoever may change the job', () => {
    expect(show(true).disabled).toBe(false);
  });

  it('only shows the settings to others, and says who may change them', () => {
    expect(show(false).disabled).toBe(true);
    expect(
      screen.getByText('Only ada and administrators may change them.')
    ).toBeTruthy();
    screen
      .getAllByRole<HTMLInputElement>('spinbutton')
      .forEach(field => expect(field.disabled).toBe(true));
  });
});
