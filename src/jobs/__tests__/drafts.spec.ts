import { nullTranslator } from '@jupyterlab/translation';

import type { JSONValue, Parameter, ParameterType } from '../../api';
import { draftOf, initialDraft, isDefault, readDraft } from '../drafts';

const trans = nullTranslator.load('dataops_lab');

function parameter(
  type: ParameterType,
  more: Partial<Parameter> = {}
): Parameter {
  return {
    name: 'p',
    type,
    default: null,
    required: false,
    nullable: false,
    description: '',
    choices: [],
    items: null,
    ...more
  };
}

const read = (parameter: Parameter, text: string) =>
  readDraft(parameter, { text, isNone: false }, trans);

describe('readDraft', () => {
  it.each<[ParameterType, string, JSONValue]>([
    ['string', '', ''],
    ['string', ' 12 ', ' 12 '],
    ['integer', '-12', -12],
    ['integer', ' 7 ', 7],
    ['number', '1e3', 1000],
    ['number', '.5', 0.5],
    ['boolean', 'true', true],
    ['boolean', 'false', false],
    ['date', '2026-02-28', '2026-02-28'],
    ['datetime', '2026-01-31T08:00', '2026-01-31T08:00'],
    ['datetime', '2026-01-31T08:00:00+01:00', '2026-01-31T08:00:00+01:00'],
    ['list', '[1, "a", null]', [1, 'a', null]],
    ['mapping', '{"a": {"b": []}}', { a: { b: [] } }],
    ['any', '12', 12],
    ['any', 'twelve', 'twelve'],
    ['any', '"12"', '12']
  ])('reads %s %p', (type, text, value) => {
    expect(read(parameter(type), text)).toEqual({ value });
  });

  it.each<[ParameterType, string]>([
    ['integer', ''],
    ['integer', '1.5'],
    ['integer', '1e3'],
    ['integer', '99999999999999999999'],
    ['number', ''],
    ['number', ' '],
    ['number', 'Infinity'],
    ['number', '1e999'],
    ['number', '1,5'],
    ['date', ''],
    ['date', '31.01.2026'],
    ['date', '2026-13-01'],
    ['datetime', '2026-01-31'],
    ['list', '{"a": 1}'],
    ['list', '[1,'],
    ['mapping', '[1]'],
    ['mapping', 'null']
  ])('refuses %s %p with a sentence', (type, text) => {
    expect(read(parameter(type), text)).toEqual({
      problem: expect.stringMatching(/\.$/)
    });
  });

  it('reads no value as null, whatever text is left in the field', () => {
    const reading = readDraft(
      parameter('integer', { nullable: true }),
      { text: 'rest', isNone: true },
      trans
    );
    expect(reading).toEqual({ value: null });
  });

  it('gives a choice with its own type', () => {
    const it_ = parameter('any', { choices: [1, '1', true] });
    expect(read(it_, '1')).toEqual({ value: 1 });
    expect(read(it_, '"1"')).toEqual({ value: '1' });
    expect(read(it_, '')).toHaveProperty('problem');
  });
});

describe('draftOf', () => {
  it.each<[ParameterType, JSONValue]>([
    ['string', 'a\nb'],
    ['integer', -3],
    ['number', 0.1],
    ['boolean', false],
    ['date', '2026-01-31'],
    ['list', [1, [2]]],
    ['mapping', { a: null }],
    ['any', '12'],
    ['any', 12],
    ['any', 'text'],
    ['any', null]
  ])('shows %s %p so that it is read back equal', (type, value) => {
    const it_ = parameter(type);
    expect(readDraft(it_, draftOf(it_, value), trans)).toEqual({ value });
  });

  it('tells no value from an empty text', () => {
    const it_ = parameter('string', { nullable: true });
    expect(draftOf(it_, null).isNone).toBe(true);
    expect(draftOf(it_, '').isNone).toBe(false);
  });
});

describe('initialDraft', () => {
  it('is the default', () => {
    const it_ = parameter('number', { default: 0.9 });
    expect(initialDraft(it_)).toEqual({ text: '0.9', isNone: false });
  });

  it('is empty where there is none, so that it must be filled in', () => {
    const it_ = parameter('integer', { required: true });
    expect(readDraft(it_, initialDraft(it_), trans)).toHaveProperty('problem');
  });
});

describe('isDefault', () => {
  it('compares lists and mappings by what is in them', () => {
    const it_ = parameter('mapping', { default: { a: [1, 2] } });
    expect(isDefault(it_, { a: [1, 2] })).toBe(true);
    expect(isDefault(it_, { a: [2, 1] })).toBe(false);
  });

  it('is never so for what has no default', () => {
    expect(isDefault(parameter('any', { required: true }), null)).toBe(false);
  });
});
