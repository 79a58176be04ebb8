import type { Target } from '../../api';
import { draftOfTarget, NEW_TARGET, readTarget } from '../targetDraft';

const TARGET: Target = {
  name: 'team',
  channel: 'slack',
  place: 'hooks.example.org',
  description: 'Ours',
  environments: ['production'],
  domains: [],
  enabled: true,
  revision: 3,
  changed_at: '2026-11-21T12:00:00.000Z',
  changed_by: { id: 'ada', name: 'Ada', kind: 'person' }
};

describe('the form of a target', () => {
  it('keeps the URL of a target that nobody touched', () => {
    expect(readTarget(draftOfTarget(TARGET), TARGET)).toEqual({
      channel: 'slack',
      address: null,
      new_key: false,
      description: 'Ours',
      environments: ['production'],
      domains: [],
      enabled: true,
      revision: 3
    });
  });

  it('means a new target that nobody else may have added', () => {
    const draft = { ...NEW_TARGET, name: 'team', address: ' https://x/y ' };
    expect(readTarget(draft, null)).toMatchObject({
      address: 'https://x/y',
      revision: 0
    });
  });

  it('reads domains with commas, spaces and ends of lines between', () => {
    const draft = {
      ...NEW_TARGET,
      channel: 'mail' as const,
      domains: 'example.org, example.com;example.net\n'
    };
    expect(readTarget(draft, null)).toMatchObject({
      address: '',
      domains: ['example.org', 'example.com', 'example.net']
    });
  });

  it('shows the address of mail, and takes it away when it is emptied', () => {
    const mail: Target = { ...TARGET, channel: 'mail', place: 'a@example.org' };
    const draft = draftOfTarget(mail);
    expect(draft.address).toBe('a@example.org');
    expect(readTarget({ ...draft, address: '' }, mail).address).toBe('');
  });

  it('asks for a new key of a webhook alone', () => {
    const draft = { ...draftOfTarget(TARGET), newKey: true };
    expect(readTarget(draft, TARGET).new_key).toBe(false);
    const hook = { ...draft, channel: 'webhook' as const };
    expect(readTarget(hook, TARGET).new_key).toBe(true);
  });
});
