import { nullTranslator } from '@jupyterlab/translation';
import { fireEvent, render, screen, waitFor } from '@testing-library/react';
import React from 'react';

import { PipelineStep, Problem, Run } from '../../api';
import { Steps } from '../components/Steps';
import { reason, step, STEPS } from './fixtures';

const trans = nullTranslator.load('dataops_lab');
const RUN = {
  id: 'p1',
  started_at: '2026-01-31T08:00:00Z',
  finished_at: null
} as unknown as Run;

type Told = { opened: string[]; reproduced: string[]; decided: unknown[] };

function draw(
  steps: PipelineStep[] | null,
  refusal: Problem | null = null
): Told & { container: HTMLElement } {
  const told: Told = { opened: [], reproduced: [], decided: [] };
  const { container } = render(
    <Steps
      run={RUN}
      state={{ steps, trouble: null }}
      progressOf={() => undefined}
      onOpen={run => told.opened.push(run)}
      onDecide={async (id, decision) => {
        if (refusal) {
          throw refusal;
        }
        told.decided.push([id, decision]);
      }}
      onRetry={() => undefined}
      onReproduce={id => told.reproduced.push(id)}
      drawResult={({ id }) => <p>{`result of ${id}`}</p>}
      drawItems={({ id }) => <p>{`items of ${id}`}</p>}
      trans={trans}
    />
  );
  return { ...told, container };
}

/** Return the row of a step in the list. */
function row(name: RegExp): HTMLElement {
  return screen.getByRole('row', { name });
}

describe('Steps', () => {
  it('lists the steps in the order of the file, with state and reason', () => {
    const { container } = draw([
      ...STEPS,
      step('late', { state: 'failed', reason: reason('Cell 3 failed.') })
    ]);
    const rows = [...container.querySelectorAll('tr[data-step]')];
    expect(rows.map(each => each.getAttribute('data-step'))).toEqual([
      'extract',
      'clean',
      'train',
      'ok',
      'late'
    ]);
    expect(row(/late/).textContent).toContain('Failed');
    expect(row(/late/).textContent).toContain('Cell 3 failed.');
  });

  it('opens a step with its inputs, but no approval and no fan-out', () => {
    const { reproduced } = draw(STEPS);
    fireEvent.click(
      screen.getByRole('button', { name: 'Open clean with its inputs' })
    );
    expect(reproduced).toEqual(['clean']);
    const offered = screen.getAllByRole('button', { name: /with its inputs/ });
    expect(offered.map(each => each.getAttribute('aria-label'))).toEqual(
      STEPS.filter(each => each.kind !== 'approval' && !each.for_each).map(
        ({ id }) => `Open ${id} with its inputs`
      )
    );
  });

  it('opens the run of a step from the list and from the graph', () => {
    const { opened, container } = draw(STEPS);
    fireEvent.click(screen.getByRole('button', { name: 'extract' }));
    fireEvent.click(container.querySelector('.dl-Node[data-step=extract]')!);
    expect(opened).toEqual(['r1', 'r1']);
  });

  it('unfolds the items of a fan-out, also from the graph', () => {
    const { opened, container } = draw(STEPS);
    Element.prototype.scrollIntoView = () => undefined;
    const fold = screen.getByRole('button', { name: /train 12 of 40/ });
    fireEvent.click(fold);
    expect(fold.getAttribute('aria-expanded')).toBe('true');
    expect(screen.getByText('items of train')).not.toBeNull();
    fireEvent.click(fold);
    expect(screen.queryByText('items of train')).toBeNull();
    fireEvent.click(container.querySelector('.dl-Node[data-step=train]')!);
    expect(screen.getByText('items of train')).not.toBeNull();
    expect(document.activeElement).toBe(fold);
    expect(opened).toEqual([]);
  });

  it('asks for a decision, with the record to look at and a comment', async () => {
    const { opened, decided } = draw(STEPS);
    const box = screen.getByRole('region', { name: 'Publish these figures?' });
    expect(box.textContent).toContain('ada');
    fireEvent.click(screen.getByRole('button', { name: 'Look at extract' }));
    expect(opened).toEqual(['r1']);
    fireEvent.change(screen.getByLabelText('Comment'), {
      target: { value: ' Looks right. ' }
    });
    fireEvent.click(screen.getByRole('button', { name: 'Approve' }));
    await waitFor(() =>
      expect(decided).toEqual([
        ['ok', { approved: true, comment: 'Looks right.' }]
      ])
    );
  });

  it('shows why the server refused a decision', async () => {
    draw(STEPS, new Problem({ detail: 'Bob has rejected it already.' }));
    fireEvent.click(screen.getByRole('button', { name: 'Reject' }));
    expect((await screen.findByRole('alert')).textContent).toContain(
      'Bob has rejected it already.'
    );
  });

  it('has no buttons to decide for a person who may not', () => {
    const [ok] = STEPS.slice(-1);
    const approval = { ...ok.approval!, may_decide: false };
    draw([...STEPS.slice(0, -1), { ...ok, approval }]);
    expect(screen.queryByRole('button', { name: 'Approve' })).toBeNull();
    expect(screen.queryByLabelText('Comment')).toBeNull();
  });

  it('says who decided, and what they said', () => {
    const [ok] = STEPS.slice(-1);
    const approval = {
      ...ok.approval!,
      decided_by: { id: 'ada', name: 'Ada', kind: 'person' as const },
      comment: 'Looks right.'
    };
    draw([{ ...ok, state: 'succeeded', approval }]);
    expect(row(/Publish/).textContent).toContain('Approved');
    expect(row(/Publish/).textContent).toContain('By Ada “Looks right.”');
    expect(screen.queryByRole('region')).toBeNull();
  });
});
