import { canRun } from '../source';

describe('canRun', () => {
  it.each([
    ['notebook', 'a.ipynb', true],
    ['file', 'load.py', true],
    ['file', 'load.sh', true],
    ['file', 'load.R', true],
    ['file', 'load.py.txt', false],
    ['file', 'data.csv', false],
    ['directory', 'folder.py', false]
  ])('tells of a %s %s: %s', (type, path, expected) => {
    expect(canRun({ type, path })).toBe(expected);
  });
});
