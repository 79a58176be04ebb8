import { nullTranslator } from '@jupyterlab/translation';
import { render } from '@testing-library/react';
import React from 'react';

import type { Run } from '../../api';
import { Artifacts } from '../components/Artifacts';

const NOTHING = () => undefined;

/** Return the hint about the files of a run that left `count` of them. */
function hintText(count: number): string {
  const artifacts = Array.from({ length: count }, (_, index) => ({
    path: `${index}.bin`,
    size: 1
  }));
  const { container } = render(
    <Artifacts
      run={{ state: 'succeeded', artifacts } as unknown as Run}
      preview={null}
      onPreview={NOTHING}
      onClosePreview={NOTHING}
      onDownload={NOTHING}
      trans={nullTranslator.load('')}
    />
  );
  return container.querySelector('.dl-Message')?.textContent ?? '';
}

describe('Artifacts', () => {
  it('says that more files may have been left out where there are as many as a run may leave', () => {
    expect(hintText(2000)).toContain('A run may leave 2000 files.');
  });

  it('says nothing of files left out where there are fewer', () => {
    expect(hintText(1)).toBe('');
  });
});
