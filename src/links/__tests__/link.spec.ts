import { linkOf, withoutLink } from '../link';

const ID = '01KG9H1S004S5M1Q1W07YVS6HJ';

describe('linkOf', () => {
  it('finds a run or a schedule', () => {
    expect(linkOf(`?dataops-run=${ID}`)).toEqual({ kind: 'run', id: ID });
    expect(linkOf(`?reset&dataops-schedule=${ID}`)).toEqual({
      kind: 'schedule',
      id: ID
    });
  });

  it.each([
    '',
    '?dataops-run=',
    '?dataops-run=../../api',
    '?dataops-run=%3Cscript%3E',
    `?dataops-job=${ID}`
  ])('takes nothing else: %s', search => {
    expect(linkOf(search)).toBeNull();
  });
});

describe('withoutLink', () => {
  it('leaves the rest of the query', () => {
    expect(withoutLink(`?reset=1&dataops-run=${ID}`)).toBe('?reset=1');
    expect(withoutLink(`?dataops-run=${ID}`)).toBe('');
  });
});
