import { JSONExt } from '@lumino/coreutils';
import { TranslationBundle } from '@jupyterlab/translation';

import type { JSONValue, Parameter, ParameterType } from '../api';

/**
 * The content of a field: the text of its control, or no value at all.
 *
 * It is a text because a half-typed text need not be a value of the type.
 */
export type Draft = {
  text: string;
  isNone: boolean;
  /** True for a field that holds several values, one on each line. */
  several?: boolean;
};

export type Reading = { value: JSONValue } | { problem: string };

const NONE: Draft = { text: '', isNone: true };

/** Return the content of the field of `parameter` when it holds `value`. */
export function draftOf(parameter: Parameter, value: JSONValue): Draft {
  if (value === null) {
    return parameter.nullable || parameter.type === 'any'
      ? NONE
      : { text: '', isNone: false };
  }
  return { text: textOf(parameter, value), isNone: false };
}

/** Return the content of the field of a parameter that nobody touched. */
export function initialDraft(parameter: Parameter): Draft {
  return parameter.required
    ? { text: parameter.type === 'boolean' ? 'false' : '', isNone: false }
    : draftOf(parameter, parameter.default);
}

function textOf(parameter: Parameter, value: JSONValue): string {
  if (parameter.choices.length) {
    return JSON.stringify(value);
  }
  switch (parameter.type) {
    case 'list':
    case 'mapping':
      return JSON.stringify(value, null, 2);
    case 'any':
      // A text keeps its quotes when it would be read as another kind of value.
      return typeof value === 'string' && parseJSON(value) === undefined
        ? value
        : JSON.stringify(value);
    default:
      return typeof value === 'string' ? value : JSON.stringify(value);
  }
}

/** Read the value that a field means, or say what is wrong with it. */
export function readDraft(
  parameter: Parameter,
  draft: Draft,
  trans: TranslationBundle
): Reading {
  if (draft.isNone) {
    return { value: null };
  }
  if (parameter.choices.length) {
    const choice = parseJSON(draft.text);
    return choice === undefined
      ? { problem: trans.__('Choose one of the values.') }
      : { value: choice };
  }
  return READERS[parameter.type](draft.text, trans);
}

/** Tell whether the notebook has this value already, so that it need not be sent. */
export function isDefault(parameter: Parameter, value: JSONValue): boolean {
  return !parameter.required && JSONExt.deepEqual(parameter.default, value);
}

type Reader = (text: string, trans: TranslationBundle) => Reading;

const READERS: { [type in ParameterType]: Reader } = {
  string: value => ({ value }),
  boolean: text => ({ value: text === 'true' }),
  integer: (text, trans) => {
    const value = Number(text);
    if (!/^\s*[+-]?\d+\s*$/.test(text)) {
      return { problem: trans.__('Needs a whole number.') };
    }
    return Number.isSafeInteger(value)
      ? { value }
      : {
          problem: trans.__(
            'Too large for a browser to send exactly; use the command line.'
          )
        };
  },
  number: (text, trans) => {
    const value = Number(text);
    return text.trim() && Number.isFinite(value)
      ? { value }
      : { problem: trans.__('Needs a number.') };
  },
  date: (text, trans) =>
    /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text))
      ? { value: text }
      : { problem: trans.__('Needs a date such as 2026-01-31.') },
  datetime: (text, trans) =>
    /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(text) &&
    !Number.isNaN(Date.parse(text))
      ? { value: text }
      : {
          problem: trans.__(
            'Needs a date and time such as 2026-01-31T08:00:00.'
          )
        },
  list: (text, trans) => {
    const value = parseJSON(text);
    return Array.isArray(value)
      ? { value }
      : { problem: trans.__('Needs a list in JSON, such as [1, 2, 3].') };
  },
  mapping: (text, trans) => {
    const value = parseJSON(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? { value }
      : {
          problem: trans.__('Needs a mapping in JSON, such as {"name": 1}.')
        };
  },
  any: text => {
    const value = parseJSON(text);
    return { value: value === undefined ? text : value };
  }
};

/** Parse JSON; return undefined when the text is not JSON. */
function parseJSON(text: string): JSONValue | undefined {
  try {
    return JSON.parse(text) as JSONValue;
  } catch {
    return undefined;
  }
}
