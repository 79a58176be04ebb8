import { nullTranslator } from '@jupyterlab/translation';
import {
  act,
  fireEvent,
  render,
  screen,
  waitFor,
  within
} from '@testing-library/react';
import React from 'react';

import type {
  Client,
  RepairPreview,
  RepairRequest,
  Run,
  StepRepair
} from '../../api';
import { RepairForm } from '../components/RepairForm';
import { repairRun } from '../repair';
import { RepairModel } from '../repairModel';
import { STEPS } from './fixtures';

const trans = nullTranslator.load('dataops_lab');
const QUESTION = 'Publish?';
const RUN = {
  id: 'p1',
  parameters: { month: '2026-01' },
  parameter_schema: [
    {
      name: 'month',
      type: 'string',
      default: '2025-12',
      required: false,
      nullable: false,
      description: '',
      choices: [],
      items: null
    },
    {
      name: 'top',
      type: 'integer',
      default: 3,
      required: false,
      nullable: false,
      description: '',
      choices: [],
      items: null
    }
  ]
} as unknown as Run;

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
  const model = new RepairModel(server.client, RUN, trans);
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
      repaired('ok', { title: QUESTION, fate: 'not_wanted', why: 'No.' })
    ]);
    const row = (name: string) =>
      within(screen.getByRole('rowheader', { name }).closest('tr')!);
    row('extract').getByText('taken over');
    row('train').getByText('It failed. 38 of 40 items are taken over.');
    row(QUESTION).getByText('not wanted');
  });

  it('asks again for each choice', () => {
    const { server, model } = draw();
    fireEvent.change(screen.getByLabelText('Version'), {
      target: { value: 'newer' }
    });
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
      until: 'train',
      only: null,
      parameters: null
    });
    expect(server.asked[3]).toEqual(model.request);
  });

  it('runs one step alone instead of all from a first to a last one', () => {
    const { server, model } = draw();
    fireEvent.change(screen.getByLabelText('Up to'), {
      target: { value: 'train' }
    });
    fireEvent.change(screen.getByLabelText('Only this step'), {
      target: { value: 'extract' }
    });
    expect(server.asked[2]).toEqual({
      newer: false,
      start_from: [],
      until: null,
      only: 'extract',
      parameters: null
    });
    expect(screen.getByLabelText<HTMLSelectElement>('Up to').disabled).toBe(
      true
    );
    expect(model.state.until).toBe('');
  });

  it('sends all parameters once one of them is changed', async () => {
    const { server } = draw();
    fireEvent.change(screen.getByLabelText(/^top/), {
      target: { value: '5' }
    });
    await waitFor(() => expect(server.asked).toHaveLength(2));
    expect(server.asked[1].parameters).toEqual({ month: '2026-01', top: 5 });
  });

  it('asks nothing while a parameter has no value', async () => {
    const { server } = draw();
    fireEvent.change(screen.getByLabelText(/^top/), {
      target: { value: 'many' }
    });
    await screen.findByText('Needs a whole number.');
    expect(server.asked).toHaveLength(1);
  });

  it('drops the answer to an earlier choice', async () => {
    const { server } = draw();
    fireEvent.change(screen.getByLabelText('Version'), {
      target: { value: 'newer' }
    });
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

describe('repairRun', () => {
  const accept = () =>
    document.querySelector<HTMLButtonElement>('.jp-mod-accept')!;
  const launch = (server: Server) => {
    const repairs: unknown[] = [];
    Object.assign(server.client, { run: async () => RUN });
    Object.assign(server.client.pipelines, {
      steps: async () => STEPS,
      repair: async (run: string, request: RepairRequest) => {
        repairs.push([run, request]);
        return { id: 'p2' };
      }
    });
    return { repairs, ended: repairRun('p1', server.client, trans) };
  };

  it('repairs once the preview is there and somebody accepts it', async () => {
    const server = new Server();
    const { repairs, ended } = launch(server);
    await waitFor(() => expect(accept()).not.toBeNull());
    expect(accept().disabled).toBe(true);
    await server.answers[0]([repaired('extract', { fate: 'runs' })]);
    expect(accept().disabled).toBe(false);
    accept().click();
    expect(await ended).toEqual({ id: 'p2' });
    expect(repairs).toEqual([
      [
        'p1',
        {
          newer: false,
          start_from: [],
          until: null,
          only: null,
          parameters: null
        }
      ]
    ]);
  });

  it('starts nothing that was refused', async () => {
    const server = new Server();
    const { repairs, ended } = launch(server);
    await waitFor(() => expect(accept()).not.toBeNull());
    await server.answers[0](new Error('Nothing to repair.'));
    expect(accept().disabled).toBe(true);
    document.querySelector<HTMLButtonElement>('.jp-mod-reject')!.click();
    expect(await ended).toBeNull();
    expect(repairs).toEqual([]);
  });
});
