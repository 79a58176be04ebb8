import { nullTranslator } from '@jupyterlab/translation';
import { fireEvent, render, screen } from '@testing-library/react';
import React from 'react';

import type { Me } from '../../api';
import { MySettings } from '../components/MySettings';
import type { SettingsState } from '../settingsModel';

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
const STATE: SettingsState = {
  me: ME,
  subscriptions: [],
  busy: null,
  trouble: null,
  refusal: null,
  done: null
};

function show(state: Partial<SettingsState>) {
  const calls = {
    onAddress: jest.fn(),
    onCode: jest.fn(),
    onRemove: jest.fn(),
    onTimes: jest.fn(),
    onUnsubscribe: jest.fn(),
    onRetry: jest.fn()
  };
  const all = { ...STATE, ...state };
  render(
    <MySettings state={all} zone="Europe/Paris" {...calls} trans={trans} />
  );
  return calls;
}

describe('MySettings', () => {
  it('asks for an address, and for the code while one waits', () => {
    const calls = show({ me: { ...ME, pending_address: 'ann@example.org' } });
    fireEvent.change(screen.getByLabelText('Code'), {
      target: { value: 'ABCD-2345' }
    });
    fireEvent.click(screen.getByText('Confirm'));
    expect(calls.onCode).toHaveBeenCalledWith('ABCD-2345');
  });

  it('offers no address where no mail can be sent', () => {
    show({ me: { ...ME, has_mail: false } });
    expect(screen.queryByText('Send code')).toBeNull();
    expect(screen.getByText('This installation sends no mail.')).toBeDefined();
  });

  it('takes the zone of the browser for the first times', () => {
    const calls = show({});
    fireEvent.click(screen.getByLabelText('Quiet hours'));
    fireEvent.change(screen.getByLabelText('From'), {
      target: { value: '22:00' }
    });
    fireEvent.click(screen.getByLabelText('One message a day'));
    fireEvent.click(screen.getByText('Save'));
    expect(calls.onTimes).toHaveBeenCalledWith({
      timezone: 'Europe/Paris',
      quiet: { start: '22:00', end: '08:00' },
      digest_at: '08:00'
    });
  });

  it('lists subscriptions with a way back to the default', () => {
    const subscription = {
      object_kind: 'schedule' as const,
      object_id: 's1',
      object_name: 'monday',
      choice: {
        on: ['on_success' as const],
        channels: ['mail'],
        mute_skipped: true,
        mute_cancelled: true,
        until_last_retry: true
      }
    };
    const calls = show({ subscriptions: [subscription] });
    fireEvent.click(screen.getByLabelText('As by default for monday'));
    expect(calls.onUnsubscribe).toHaveBeenCalledWith(subscription);
  });
});
