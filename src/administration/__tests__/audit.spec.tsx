import { nullTranslator } from '@jupyterlab/translation';
import { fireEvent, render, screen, waitFor } from '@testing-library/react';
import React from 'react';

import type { AuditEntry, Client } from '../../api';
import type { AuditQuery } from '../../api/audit';
import { AuditModel, NO_FILTER } from '../audit';
import { Audit } from '../components/Audit';

const trans = nullTranslator.load('');

function entry(seq: number, more: Partial<AuditEntry> = {}): AuditEntry {
  return {
    seq,
    at: '2026-01-31T08:00:00.000Z',
    actor: 'ada',
    actor_name: 'Ada',
    verb: 'change',
    object_kind: 'environment',
    object_id: 'production',
    project: null,
    environment: 'production',
    outcome: 'done',
    data: { guarded: { from: true, to: false } },
    digest: `sha256:${'1'.repeat(64)}`,
    chain: `sha256:${'2'.repeat(64)}`,
    ...more
  };
}

describe('AuditModel', () => {
  let asked: AuditQuery[];
  let answers: Promise<{ items: AuditEntry[]; next: string | null }>[];
  let model: AuditModel;

  beforeEach(() => {
    asked = [];
    answers = [];
    const client = {
      environments: { all: async () => [{ name: 'sandbox' }] },
      audit: {
        page: (query: AuditQuery) => {
          asked.push(query);
          return answers.shift();
        }
      }
    };
    model = new AuditModel(client as unknown as Client);
  });

  it('reads page by page, and begins anew with another filter', async () => {
    answers = [
      Promise.resolve({ items: [entry(3), entry(2)], next: '2' }),
      Promise.resolve({ items: [entry(1)], next: null }),
      Promise.resolve({ items: [entry(2)], next: null })
    ];
    await model.load();
    expect(model.state.hasMore).toBe(true);
    await model.more();
    expect(model.state.entries?.map(each => each.seq)).toEqual([3, 2, 1]);
    expect(asked[1].cursor).toBe('2');
    await model.setFilter({ ...NO_FILTER, outcome: 'refused' });
    expect(asked[2]).toMatchObject({ outcome: 'refused', cursor: undefined });
    expect(model.state.entries?.map(each => each.seq)).toEqual([2]);
  });

  it('counts the whole last day, in the time of this machine', async () => {
    answers = [Promise.resolve({ items: [], next: null })];
    await model.setFilter({
      ...NO_FILTER,
      firstDay: '2026-01-31',
      lastDay: '2026-01-31'
    });
    expect(asked[0].since).toBe(new Date(2026, 0, 31).toISOString());
    expect(asked[0].until).toBe(new Date(2026, 1, 1).toISOString());
  });

  it('passes over the late answer to an earlier filter', async () => {
    let answerLate: (page: { items: AuditEntry[]; next: null }) => void;
    answers = [
      new Promise(resolve => (answerLate = resolve)),
      Promise.resolve({ items: [entry(2)], next: null })
    ];
    const late = model.setFilter({ ...NO_FILTER, actor: 'a' });
    await model.setFilter({ ...NO_FILTER, actor: 'ada' });
    answerLate!({ items: [entry(9)], next: null });
    await late;
    expect(model.state.entries?.map(each => each.seq)).toEqual([2]);
  });
});

describe('Audit', () => {
  const draw = (change: object = {}) => {
    const onFilter = jest.fn();
    const onVerify = jest.fn(async () => undefined);
    render(
      <Audit
        state={{
          filter: NO_FILTER,
          entries: [entry(7), entry(6, { outcome: 'refused', verb: 'set' })],
          environments: ['sandbox', 'production'],
          hasMore: false,
          verification: null,
          trouble: null,
          ...change
        }}
        onFilter={onFilter}
        onMore={async () => undefined}
        onVerify={onVerify}
        trans={trans}
      />
    );
    return { onFilter, onVerify };
  };

  it('opens an entry with what changed, and says of a refused one that it is', () => {
    draw();
    expect(screen.getByText('Refused', { selector: 'span' })).toBeTruthy();
    const details = screen.getByRole('button', {
      name: 'Details of entry 7'
    });
    fireEvent.click(details);
    expect(screen.getByLabelText('Changes of the entry').textContent).toContain(
      'guardedtruefalse'
    );
    fireEvent.click(details);
    expect(screen.queryByLabelText('Changes of the entry')).toBeNull();
  });

  it('filters at once by a choice, and by a text when nobody types any more', async () => {
    const { onFilter } = draw();
    fireEvent.change(screen.getByLabelText('Filter entries by environment'), {
      target: { value: 'production' }
    });
    expect(onFilter).toHaveBeenCalledWith({
      ...NO_FILTER,
      environment: 'production'
    });
    const actor = screen.getByLabelText('Filter entries by the id of a person');
    fireEvent.change(actor, { target: { value: 'ada' } });
    await waitFor(() =>
      expect(onFilter).toHaveBeenLastCalledWith({ ...NO_FILTER, actor: 'ada' })
    );
  });

  it('says what the check found', () => {
    draw({
      verification: {
        entries: 7,
        head: `7:sha256:${'2'.repeat(64)}`,
        findings: [
          { damage: 'edited', seq: 4, message: 'Entry 4 was edited.' }
        ],
        compared: 6,
        replaced_by_restore: 0
      }
    });
    expect(screen.getByText('Entry 4 was edited.')).toBeTruthy();
    expect(screen.getByText(/not as it was written/)).toBeTruthy();
  });
});
