import { renameIn } from '../expressions';
import { recordedNames } from '../lookups';
import {
  readComparison,
  readReference,
  typedLiteral,
  writeComparison
} from '../references';
import { freeStepId, isStepId, stepIdOf } from '../stepIds';

describe('a step in an expression', () => {
  it.each([
    ['steps.old.values.rows > 0', 'steps.new.values.rows > 0'],
    ['has(steps.old.values.old)', 'has(steps.new.values.old)'],
    ['steps . old.state', 'steps . new.state'],
    ['x in steps.old.values.list', 'x in steps.new.values.list'],
    ['steps.older.state == "steps.old"', 'steps.older.state == "steps.old"'],
    ["params.x + 'it\\'s steps.old'", "params.x + 'it\\'s steps.old'"],
    ['params.steps.old', 'params.steps.old'],
    ['old.steps', 'old.steps'],
    ['steps.old.state // steps.old', 'steps.new.state // steps.old'],
    ['r"\\" + steps.old.state', 'r"\\" + steps.new.state'],
    ["'''steps.old''' + steps.old.state", "'''steps.old''' + steps.new.state"]
  ])('gets another id: %s', (before, after) => {
    expect(renameIn(before, 'steps', 'old', 'new')).toBe(after);
  });
});

describe('a condition', () => {
  it.each([
    'params.rate >= 0.5',
    'steps.check.values.rows > 0',
    'params.name == "it\'s \\"so\\""',
    'params.dry != true'
  ])('is shown as a comparison, and is the same again: %s', expression => {
    expect(writeComparison(readComparison(expression)!)).toBe(expression);
  });

  it.each([
    'params.a > 0 && params.b > 0',
    'steps.check.state == "failed"',
    'size(params.a) > 0',
    'params.a > params.b',
    'params.a',
    ''
  ])('stays an expression: %s', expression => {
    expect(readComparison(expression)).toBeNull();
  });

  it('compares with what a person means', () => {
    expect(['1.5', '-2', 'true', 'x1', '1e3'].map(typedLiteral)).toEqual([
      1.5,
      -2,
      true,
      'x1',
      1000
    ]);
  });

  it('names a parameter or a value', () => {
    expect(readReference(' params.month ')).toEqual({
      kind: 'parameter',
      name: 'month'
    });
    expect(readReference('steps.a.values.b')).toEqual({
      kind: 'value',
      step: 'a',
      name: 'b'
    });
    expect(readReference('steps.a.state')).toBeNull();
  });
});

describe('the values of a notebook', () => {
  it('are those that its cells record', () => {
    const cells = [
      { source: ['record("rows", 1)\n', "record('auc', 2)\n"] },
      { source: 'recorded("no")\nrecord( "rows", 3)' }
    ];
    expect(recordedNames({ cells })).toEqual(['rows', 'auc']);
    expect(recordedNames('record("x", 1)')).toEqual(['x']);
    expect(recordedNames(null)).toEqual([]);
  });
});

describe('the id of a step', () => {
  it.each([
    ['01_extract.ipynb', 'extract'],
    ['sub/04 Tidy-up.py', 'tidy_up'],
    ['Größe.ipynb', 'groe'],
    ['2026.ipynb', 'step_2026'],
    ['名.ipynb', 'step'],
    ['in.py', 'in_']
  ])('is made of its path: %s', (path, id) => {
    expect(stepIdOf(path)).toBe(id);
    expect(isStepId(id)).toBe(true);
  });

  it('is free', () => {
    expect(freeStepId('a', ['a', 'a_2'])).toBe('a_3');
    expect(freeStepId('b', ['a'])).toBe('b');
  });
});
