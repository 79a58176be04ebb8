import { nullTranslator } from '@jupyterlab/translation';
import { fireEvent, render, screen } from '@testing-library/react';
import React from 'react';

import { WebhookSection } from '../components/WebhookSection';

const trans = nullTranslator.load('dataops_lab');
const webhook = {
  path: 'dataops/hooks/x',
  secret_changed_at: null,
  secret_changed_by: null,
  previous_until: null
};

function shown(onNewSecret: () => Promise<string | null>) {
  return render(
    <WebhookSection
      webhook={webhook}
      address="https://lab.example/dataops/hooks/x"
      places={{ order: '/order/id' }}
      onNewSecret={onNewSecret}
      trans={trans}
    />
  );
}

describe('the webhook of a schedule', () => {
  it('shows its address and where parameters come from', () => {
    shown(async () => null);
    expect(
      screen.getByText('https://lab.example/dataops/hooks/x')
    ).toBeTruthy();
    expect(screen.getByText('order: /order/id')).toBeTruthy();
    expect(
      screen.getByText('Nothing starts until there is a secret.')
    ).toBeTruthy();
  });

  it('shows a new secret until a person has it', async () => {
    shown(async () => 'whsec_abc');
    fireEvent.click(screen.getByText('Make a secret'));
    expect(await screen.findByText('whsec_abc')).toBeTruthy();
    fireEvent.click(screen.getByText('I have it'));
    expect(screen.queryByText('whsec_abc')).toBeNull();
  });
});
