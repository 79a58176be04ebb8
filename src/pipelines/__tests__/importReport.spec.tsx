import { nullTranslator } from '@jupyterlab/translation';
import { render, screen } from '@testing-library/react';
import React from 'react';

import type { ImportNote } from '../../api';
import { ImportReport } from '../components/ImportReport';

const trans = nullTranslator.load('dataops_lab');

const note = (
  kind: ImportNote['kind'],
  message: string,
  step: string | null = null
): ImportNote => ({ kind, message, node: step, step });

describe('ImportReport', () => {
  it('says first what is lost, and once what holds for several steps', () => {
    render(
      <ImportReport
        notes={[
          note('changed', 'A name.'),
          note('carried_over', 'The notebook a.ipynb.', 'a'),
          note('not_carried_over', 'The image x.', 'a'),
          note('not_carried_over', 'The image x.', 'b')
        ]}
        trans={trans}
      />
    );
    expect(
      screen.getAllByRole('heading').map(heading => heading.textContent)
    ).toEqual(['Not carried over', 'Changed', 'Carried over']);
    expect(
      screen.getAllByRole('listitem').map(item => item.textContent)
    ).toEqual(['a, b: The image x.', 'A name.', 'a: The notebook a.ipynb.']);
  });

  it('has no heading for what there is nothing to say about', () => {
    render(<ImportReport notes={[note('changed', 'A.')]} trans={trans} />);
    expect(screen.getAllByRole('heading')).toHaveLength(1);
  });
});
