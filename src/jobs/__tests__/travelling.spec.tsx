import { nullTranslator } from '@jupyterlab/translation';
import { fireEvent, render, screen } from '@testing-library/react';
import React from 'react';

import type { Inspection, TravellingFile } from '../../api';
import { Travelling } from '../components/Travelling';
import { withPin } from '../pins';

function file(
  path: string,
  role: TravellingFile['role'],
  fresh: boolean
): TravellingFile {
  return { path, size: 10, role, fresh, pattern: `/${path}` };
}

const FILES = [
  file('helpers.py', 'code', false),
  file('limits.yaml', 'settings', false),
  file('sales.csv', 'data', true)
];

function show(disabled = false) {
  const pinned: [string, boolean][] = [];
  render(
    <Travelling
      inspection={
        {
          files: FILES,
          file_count: 5,
          file_bytes: 50,
          fresh_count: 1
        } as unknown as Inspection
      }
      disabled={disabled}
      onPin={(file, value) => pinned.push([file.path, value])}
      trans={nullTranslator.load('')}
    />
  );
  return pinned;
}

describe('Travelling', () => {
  it('says how many files each run takes anew', () => {
    show();
    expect(screen.getByText(/1 fresh in each run/)).toBeTruthy();
    expect(screen.getByText('and 2 more')).toBeTruthy();
  });

  it('pins and frees all but code with one click', () => {
    const pinned = show();
    const boxes = screen.getAllByRole<HTMLInputElement>('checkbox', {
      hidden: true
    });
    expect(boxes.map(box => box.getAttribute('aria-label'))).toEqual([
      'Pin limits.yaml to the version',
      'Pin sales.csv to the version'
    ]);
    expect(boxes.map(box => box.checked)).toEqual([true, false]);
    boxes.forEach(box => fireEvent.click(box));
    expect(pinned).toEqual([
      ['limits.yaml', false],
      ['sales.csv', true]
    ]);
  });

  it('lets nothing be changed while the notebook is read', () => {
    show(true);
    screen
      .getAllByRole<HTMLInputElement>('checkbox', { hidden: true })
      .forEach(box => expect(box.disabled).toBe(true));
  });
});

describe('withPin', () => {
  const [, settings, data] = FILES;

  it('names the file, and takes its name back', () => {
    expect(withPin([], FILES, data, true)).toEqual(['/sales.csv']);
    expect(withPin(['/sales.csv'], FILES, data, false)).toEqual([]);
    expect(withPin([], FILES, settings, false)).toEqual(['!/limits.yaml']);
    expect(withPin(['!/limits.yaml'], FILES, settings, true)).toEqual([]);
  });

  it('has the last word where a pattern speaks of several files', () => {
    for (const pattern of ['*.csv', 'data', '/reference']) {
      const fresh = withPin([pattern], FILES, data, false);
      expect(fresh).toEqual([pattern, '!/sales.csv']);
      expect(withPin(fresh, FILES, data, true)).toEqual([
        pattern,
        '/sales.csv'
      ]);
    }
  });
});
