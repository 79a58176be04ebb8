import { kindOfPath } from '../kinds';

describe('kindOfPath', () => {
  it.each([
    ['a/report.ipynb', 'notebook'],
    ['a/load.py', 'script'],
    ['a/load.sh', 'script'],
    ['a/model.R', 'script'],
    ['a/sales.pipeline.yaml', 'pipeline'],
    ['a/sales.pipeline.yml', 'pipeline'],
    ['a/sales.yaml', null],
    ['a/pipeline.yaml', null],
    ['a/data.csv', null],
    ['a/ipynb', null]
  ])('knows by its name what a file is: %s', (path, kind) => {
    expect(kindOfPath(path)).toBe(kind);
  });
});
