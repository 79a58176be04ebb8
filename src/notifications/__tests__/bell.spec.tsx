import { nullTranslator } from '@jupyterlab/translation';
import { fireEvent, render, screen } from '@testing-library/react';
import React from 'react';

import { Choice, Me, Problem } from '../../api';
import { BellModel } from '../bellModel';
import { DEFAULT_CHOICE } from '../choices';
import { ConnectedBell } from '../components/Bell';

const trans = nullTranslator.load('dataops_lab');
const ME: Me = {
  person: 'ann',
  address: null,
  confirmed_at: null,
  pending_address: null,
  code_expires_at: null,
  times: { timezone: 'UTC', quiet: null, digest_at: null },
  held: [],
  has_mail: true,
  targets: []
};

let stored: Choice | null;
let refusal: Problem | null;
const answer = () => ({
  object_kind: 'job' as const,
  object_id: 'j1',
  object_name: 'sales',
  choice: stored
});

async function opened(): Promise<BellModel> {
  const model = new BellModel('job', 'j1', {
    notifications: {
      get: () => Promise.resolve(answer()),
      me: () => Promise.resolve(ME),
      set: (_, __, choice) => {
        if (refusal) {
          return Promise.reject(refusal);
        }
        stored = choice;
        return Promise.resolve(answer());
      },
      remove: () => {
        stored = null;
        return Promise.resolve(answer());
      }
    }
  });
  await model.load();
  render(<ConnectedBell model={model} onSettings={null} trans={trans} />);
  fireEvent.click(screen.getAllByText('Tell me when…')[0]);
  return model;
}

beforeEach(() => {
  stored = null;
  refusal = null;
});

describe('Bell', () => {
  it('shows the default until a person chooses, and stores each change', async () => {
    await opened();
    expect(screen.getByText('as by default')).toBeDefined();
    fireEvent.click(screen.getByLabelText('it succeeds'));
    expect(await screen.findByText('Your choice is saved.')).toBeDefined();
    expect(stored).toEqual({
      ...DEFAULT_CHOICE,
      on: [...DEFAULT_CHOICE.on, 'on_success']
    });
    fireEvent.click(screen.getByText('As by default'));
    expect(await screen.findByText('as by default')).toBeDefined();
    expect(stored).toBeNull();
  });

  it('goes back to what is stored when the server refuses', async () => {
    await opened();
    refusal = new Problem({ code: 'x', detail: 'Not now.' });
    fireEvent.click(screen.getByLabelText('it succeeds'));
    expect(await screen.findByText('Not now.')).toBeDefined();
    const box = screen.getByLabelText('it succeeds') as HTMLInputElement;
    expect(box.checked).toBe(false);
  });

  it('says that no mail comes without a confirmed address', async () => {
    await opened();
    expect(
      screen.getByText(/No mail comes until you have confirmed/)
    ).toBeDefined();
  });

  it('says that a person wants to hear nothing', async () => {
    stored = { ...DEFAULT_CHOICE, on: [] };
    await opened();
    expect(screen.getByText('never')).toBeDefined();
  });
});
