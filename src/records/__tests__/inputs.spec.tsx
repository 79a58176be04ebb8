import { nullTranslator } from '@jupyterlab/translation';
import { fireEvent, render, screen } from '@testing-library/react';
import React from 'react';

import { Problem, RunInputs } from '../../api';
import { Inputs } from '../components/Inputs';
import { InputsModel } from '../inputs';

const trans = nullTranslator.load('');

const INPUTS: RunInputs = {
  digest: 'sha256:1',
  files: [
    {
      path: 'helpers.py',
      size: 5,
      digest: `sha256:${'a'.repeat(64)}`,
      fresh: false
    },
    {
      path: 'sales.csv',
      size: 7,
      digest: `sha256:${'b'.repeat(64)}`,
      fresh: true
    }
  ]
};

describe('Inputs', () => {
  it('asks for the files when it is opened', () => {
    let opened = 0;
    const { container } = render(
      <Inputs
        inputs={null}
        trouble={null}
        onOpen={() => opened++}
        trans={trans}
      />
    );
    expect(opened).toBe(0);
    const details = container.querySelector('details')!;
    details.open = true;
    fireEvent(details, new Event('toggle'));
    expect(opened).toBe(1);
  });

  it('says of each file whether it belongs to the version or to the run', () => {
    render(
      <Inputs
        inputs={INPUTS}
        trouble={null}
        onOpen={() => undefined}
        trans={trans}
      />
    );
    const rows = screen.getAllByRole('row', { hidden: true }).slice(1);
    expect(rows.map(row => row.textContent)).toEqual([
      expect.stringMatching(/^helpers.pythe version/),
      expect.stringMatching(/^sales.csvthis run, fresh/)
    ]);
  });
});

describe('InputsModel', () => {
  it('reads the files once, and again after a failure', async () => {
    const answers: (RunInputs | Error)[] = [new Error('gone'), INPUTS];
    const asked: string[] = [];
    const model = new InputsModel('r1', {
      inputs: async id => {
        asked.push(id);
        const answer = answers.shift();
        if (answer instanceof Error) {
          throw answer;
        }
        return answer!;
      }
    });
    await model.load();
    expect(model.trouble).toBeInstanceOf(Problem);
    await model.load();
    await model.load();
    expect(asked).toEqual(['r1', 'r1']);
    expect([model.inputs, model.trouble]).toEqual([INPUTS, null]);
    model.dispose();
  });
});
