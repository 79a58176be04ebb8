import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { fireEvent, render, screen } from '@testing-library/react';
import React from 'react';

import type { Client, EventStream, OpenApproval, RunSummary } from '../../api';
import type { IRuns } from '../../tokens';
import { ApprovalsModel } from '../approvalsModel';
import { Approvals } from '../components/Approvals';

const trans = nullTranslator.load('dataops_lab');

function approval(
  run: string,
  change: Partial<OpenApproval> = {}
): OpenApproval {
  return {
    run: { id: run, job: { name: 'month', path: 'm.pipeline.yaml' } },
    step: 'ok',
    title: '',
    ask: `Publish ${run}?`,
    who: [],
    may_decide: true,
    asked_at: '2026-01-31T08:00:00Z',
    due_at: null,
    before: [{ id: 'report', title: '', run_id: `${run}-report` }],
    ...change
  } as OpenApproval;
}

function draw(mine: OpenApproval[], others: OpenApproval[] = []): string[] {
  const opened: string[] = [];
  render(
    <Approvals
      state={{ mine, others }}
      onOpen={run => opened.push(run)}
      trans={trans}
    />
  );
  return opened;
}

describe('Approvals', () => {
  it('opens the run, and the record of the step before', () => {
    const opened = draw([approval('r1')]);
    fireEvent.click(screen.getByRole('button', { name: /Publish r1\?/ }));
    fireEvent.click(screen.getByRole('button', { name: 'Look at report' }));
    expect(opened).toEqual(['r1', 'r1-report']);
  });

  it('says how many wait, shows seven, and all on demand', () => {
    draw(Array.from({ length: 9 }, (_, at) => approval(`r${at}`)));
    expect(screen.getByRole('status').textContent).toBe(
      '9 decisions wait for you'
    );
    const rows = () => screen.getAllByRole('listitem').length;
    expect(rows()).toBe(7);
    fireEvent.click(screen.getByRole('button', { name: 'All 9 →' }));
    expect(rows()).toBe(9);
  });

  it('marks in words what expires soon', () => {
    const inMinutes = (minutes: number) =>
      new Date(Date.now() + minutes * 60_000).toISOString();
    draw([
      approval('r1', { due_at: inMinutes(30) }),
      approval('r2', { due_at: inMinutes(300) })
    ]);
    expect(screen.getByRole('button', { name: /r1/ }).textContent).toContain(
      'expires soon'
    );
    expect(
      screen.getByRole('button', { name: /r2/ }).textContent
    ).not.toContain('soon');
  });

  it('lists apart those of the own runs on which others decide', () => {
    draw([], [approval('r1', { may_decide: false, who: ['ben'] })]);
    expect(screen.getByRole('status').textContent).toBe('');
    expect(screen.getByRole('region').textContent).toContain('For ben');
  });
});

describe('ApprovalsModel', () => {
  it('follows pipelines from its first refresh on, in few requests', async () => {
    jest.useFakeTimers();
    let requests = 0;
    const runChanged = new Signal<object, RunSummary>({});
    const signal = () => new Signal<object, never>({});
    const client = {
      pipelines: {
        approvals: async () => {
          requests += 1;
          return [approval('r1'), approval('r2', { may_decide: false })];
        }
      }
    } as unknown as Client;
    const model = new ApprovalsModel(
      client,
      { restarted: signal() } as unknown as EventStream,
      { runChanged, runDeleted: signal() } as unknown as IRuns
    );
    const changed = (kind: string) =>
      runChanged.emit({ id: 'p', kind } as unknown as RunSummary);
    changed('pipeline');
    await jest.advanceTimersByTimeAsync(5000);
    expect(requests).toBe(0);
    model.refresh();
    await jest.advanceTimersByTimeAsync(5000);
    expect(model.state.mine.map(({ run }) => run.id)).toEqual(['r1']);
    expect(model.state.others.map(({ run }) => run.id)).toEqual(['r2']);
    changed('notebook');
    await jest.advanceTimersByTimeAsync(5000);
    expect(requests).toBe(1);
    for (let at = 0; at < 50; at += 1) {
      changed('pipeline');
    }
    await jest.advanceTimersByTimeAsync(5000);
    expect(requests).toBe(3);
    model.dispose();
    jest.useRealTimers();
  });
});
