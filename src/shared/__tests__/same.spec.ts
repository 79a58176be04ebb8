import { sameWhereEqual } from '../same';

describe('sameWhereEqual', () => {
  it('returns what was there before, when nothing has changed', () => {
    const before = { a: [{ id: 'x', n: [1, { deep: null }] }], b: 'text' };
    expect(sameWhereEqual(before, copyOf(before))).toBe(before);
  });

  it('keeps the parts beside a change', () => {
    const before = { a: { n: 1 }, b: { n: 2 } };
    const after = sameWhereEqual(before, { a: { n: 1 }, b: { n: 3 } });
    expect(after).toEqual({ a: { n: 1 }, b: { n: 3 } });
    expect(after.a).toBe(before.a);
  });

  it('finds the items of a list again by their id', () => {
    const before = [{ id: 'a' }, { id: 'b' }];
    const after = sameWhereEqual(before, [
      { id: 'new' },
      { id: 'b' },
      { id: 'a' }
    ]);
    expect(after.map(({ id }) => id)).toEqual(['new', 'b', 'a']);
    expect(after[1]).toBe(before[1]);
    expect(after[2]).toBe(before[0]);
  });

  it.each([
    [[1], { 0: 1 }],
    [{ a: 1 }, { a: undefined }],
    [{ a: 1, b: 2 }, { a: 1 }],
    [{ a: 1 }, { a: 1, b: undefined }],
    [[1, 2], [1]],
    [null, {}],
    [{}, null],
    [{ a: NaN }, { a: 0 }]
  ])('takes %j for another value than %j', (before, after) => {
    const result = sameWhereEqual(before, after);
    expect(result).toStrictEqual(after);
    expect(result).not.toBe(before);
  });

  it('takes another order of members for a change, because files have one', () => {
    const after = sameWhereEqual({ a: 1, b: 2 }, { b: 2, a: 1 });
    expect(Object.keys(after)).toEqual(['b', 'a']);
  });

  it('treats `__proto__` as a name like the others', () => {
    const read = () => JSON.parse('{"__proto__": {"polluted": 1}, "b": 1}');
    const before = read();
    expect(sameWhereEqual(before, read())).toBe(before);
    const after = sameWhereEqual<object>({ b: 2 }, read());
    expect(Object.keys(after)).toEqual(['__proto__', 'b']);
    expect((after as { polluted?: number }).polluted).toBeUndefined();
  });
});

function copyOf<T>(value: T): T {
  return JSON.parse(JSON.stringify(value));
}
