import { nullTranslator } from '@jupyterlab/translation';

import type { Parameter } from '../../api';
import {
  countRuns,
  isSweep,
  linesOf,
  readSeveral,
  readSweepDraft,
  severalDraft,
  withSeveral
} from '../sweep';

const trans = nullTranslator.load('dataops_lab');

function parameter(change: Partial<Parameter> = {}): Parameter {
  return {
    name: 'seed',
    type: 'integer',
    default: 1,
    required: false,
    nullable: false,
    description: '',
    choices: [],
    items: null,
    ...change
  } as Parameter;
}

const several = (text: string) => ({ text, isNone: false, several: true });

describe('several values of a parameter', () => {
  it('begin with the value that the field has, and go back to the first', () => {
    const draft = withSeveral(parameter(), { text: '7', isNone: false }, true);
    expect(draft).toEqual(several('7'));
    expect(withSeveral(parameter(), several('5\n6'), false)).toEqual({
      text: '5',
      isNone: false
    });
  });

  it('are read line by line, by the type of the parameter', () => {
    const read = (text: string, change: Partial<Parameter> = {}) =>
      readSeveral(parameter(change), several(text), trans);
    expect(read('1\n\n 2 \n3')).toEqual({ values: [1, 2, 3] });
    expect(read('[1]\n[]', { type: 'list' })).toEqual({ values: [[1], []] });
    expect(read('"a"\n"b"', { choices: ['a', 'b'] })).toEqual({
      values: ['a', 'b']
    });
    expect(read('a\nnull', { type: 'string', nullable: true })).toEqual({
      values: ['a', null]
    });
  });

  it('say which line is wrong, or there twice, or that there is none', () => {
    const read = (text: string) =>
      readSeveral(parameter(), several(text), trans);
    expect(read('1\ntwo')).toEqual({
      problem: 'Line 2: Needs a whole number.'
    });
    expect(read('1\n2\n1')).toEqual({
      problem: 'Line 3: this value is there already.'
    });
    expect(read(' \n')).toEqual({ problem: 'Needs a value on each line.' });
  });

  it('are counted: a run for each combination', () => {
    const drafts = {
      region: several('North\nSouth\nEast'),
      seed: several('1\n2\n3\n4'),
      month: { text: '2026-01', isNone: false }
    };
    expect([isSweep(drafts), countRuns(drafts)]).toEqual([true, 12]);
    expect(isSweep({ month: drafts.month })).toBe(false);
  });

  it('of an earlier sweep fill the field again', () => {
    const list = parameter({ type: 'list' });
    expect(linesOf(severalDraft(list, [[1, 2], []]))).toEqual(['[1,2]', '[]']);
  });
});

describe('the treatment of the points', () => {
  it('is a number, or a share for failures', () => {
    const read = (concurrency: string, max_failures: string) =>
      readSweepDraft({ concurrency, max_failures }, trans).choice;
    expect(read('4', '3')).toEqual({ concurrency: 4, max_failures: 3 });
    expect(read('', '5%')).toEqual({ max_failures: '5%' });
  });

  it('is refused when it is neither', () => {
    const { problems } = readSweepDraft(
      { concurrency: '0', max_failures: 'few' },
      trans
    );
    expect(Object.keys(problems)).toEqual(['concurrency', 'max_failures']);
  });
});
