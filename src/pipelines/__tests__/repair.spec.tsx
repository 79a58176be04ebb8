import { nullTranslator } from '@jupyterlab/translation';
import { act, fireEvent, render, screen, within } from '@testing-library/react';
import React from 'react';

import type {
  Client,
  RepairPreview,
  RepairRequest,
  StepRepair
} from '../../api';
import { RepairForm } from '../components/RepairForm';
import { RepairModel } from '../repairModel';
import { STEPS } from './fixtures';

const trans = nullTranslator.load('dataops_lab');

function repaired(id: string, change: Partial<StepRepair> = {}): StepRepair {
  return {
    id,
    title: '',
    fate: 'taken_over',
    why: '',
    taken_from: 'p1',
    items_taken: null,
    items_total: null,
    ...change
  };
}

/** A server that answers a preview when the test lets it. */
class Server {
  readonly asked: RepairRequest[] = [];
  readonly answers: ((answer: StepRepair[] | Error) => Promise<void>)[] = [];

  readonly client = {
    pipelines: {
      previewRepair: (run: string, request: RepairRequest) => {
        this.asked.push(request);
        return new Promise<RepairPreview>((resolve, reject) => {
          this.answers.push(answer =>
            act(async () => {
              if (answer instanceof Error) {
                reject(answer);
              } else {
                resolve({ run_id: run, newer: false, steps: answer });
              }
            })
          );
        });
      }
    }
  } as unknown as Client;
}

function draw() {
  const server = new Server();
  const model = new RepairModel(server.client, 'p1');
  void model.choose({});
  render(<RepairForm model={model} steps={STEPS} trans={trans} />);
  return { server, model };
}

describe('RepairForm', () => {
  it('says of each step what becomes of it, and why', async () => {
    const { server } = draw();
    await server.answers[0]([
      repaired('extract'),
      repaired('train', {
        fate: 'runs',
        why: 'It failed.',
        items_taken: 38,
        items_total: 40
      }),
      repaired('ok', { title: 'Publish?', fate: 'not_wanted', why: 'No.' })
    ]);
    const row = (name: string) =>
      within(screen.getByRole('rowheader', { name }).closest('tr')!);
    row('extract').getByText('taken over');
    row('train').getByText('It failed. 38 of 40 items are taken over.');
    row('Publish?').getByText('not wanted');
  });

  it('asks again for each choice', () => {
    const { server, model } = draw();
    fireEvent.click(screen.getByLabelText('The files as they are now'));
    fireEvent.change(screen.getByLabelText('Run again from'), {
      target: { value: 'extract' }
    });
    fireEvent.change(screen.getByLabelText('Up to'), {
      target: { value: 'train' }
    });
    expect(server.asked).toHaveLength(4);
    expect(model.request).toEqual({
      newer: true,
      start_from: ['extract'],
      until: 'train'
    });
    expect(server.asked[3]).toEqual(model.request);
  });

  it('drops the answer to an earlier choice', async () => {
    const { server } = draw();
    fireEvent.click(screen.getByLabelText('The files as they are now'));
    await server.answers[1]([repaired('new')]);
    await server.answers[0]([repaired('old')]);
    screen.getByText('new');
    expect(screen.queryByText('old')).toBeNull();
  });

  it('says why there is nothing to repair', async () => {
    const { server } = draw();
    await server.answers[0](new Error('Every step keeps its result.'));
    expect(screen.getByRole('alert').textContent).toBe(
      'Every step keeps its result.'
    );
    expect(screen.queryByRole('table')).toBeNull();
  });
});
