import { nullTranslator } from '@jupyterlab/translation';

import { edgeKey, edgeOfKey, refusalOfNeed } from '../graph';

const trans = nullTranslator.load('dataops_lab');

/** extract → clean → train */
const CHAIN = [
  { from: 'extract', to: 'clean' },
  { from: 'clean', to: 'train' }
];

describe('edgeKey', () => {
  it('names each edge by a text of its own', () => {
    const edges = [
      { from: 'a', to: 'b' },
      { from: 'b', to: 'a' },
      { from: '__proto__', to: 'a","b' }
    ];
    expect(edges.map(edgeKey).map(edgeOfKey)).toEqual(edges);
    expect(new Set(edges.map(edgeKey)).size).toBe(3);
  });
});

describe('refusalOfNeed', () => {
  const refusal = (from: string, to: string) =>
    refusalOfNeed({ from, to }, CHAIN, trans);

  it('lets a step need one that does not wait for it', () => {
    expect(refusal('extract', 'train')).toBeNull();
  });

  it('names the circle that an edge would close', () => {
    expect(refusal('train', 'extract')).toContain(
      'extract → clean → train → extract'
    );
  });

  it('refuses an edge from a step to itself, and one that is there', () => {
    expect(refusal('clean', 'clean')).toContain('itself');
    expect(refusal('extract', 'clean')).toContain('already');
  });

  it('does not count the edge that is taken elsewhere', () => {
    const moved = { from: 'extract', to: 'clean' };
    expect(refusalOfNeed(moved, CHAIN, trans, moved)).toBeNull();
    expect(
      refusalOfNeed({ from: 'clean', to: 'extract' }, CHAIN, trans, moved)
    ).toBeNull();
  });

  it('ends also where steps wait for one another already', () => {
    const circle = [
      { from: 'a', to: 'b' },
      { from: 'b', to: 'a' }
    ];
    expect(refusalOfNeed({ from: 'c', to: 'a' }, circle, trans)).toBeNull();
  });
});
