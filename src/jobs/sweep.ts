import { TranslationBundle } from '@jupyterlab/translation';

import type { JSONValue, Parameter, Submission } from '../api';
import { Draft, draftOf, initialDraft, readDraft } from './drafts';

export const MAX_POINTS = 1000;

/** The fields for the treatment of the points of a sweep. */
export type SweepDraft = { concurrency: string; max_failures: string };

export const NO_SWEEP: SweepDraft = { concurrency: '', max_failures: '' };

export type SeveralReading = { values: JSONValue[] } | { problem: string };

/** Let a field hold several values, one on each line, beginning with the one that it has; or one again. */
export function withSeveral(
  parameter: Parameter,
  draft: Draft,
  several: boolean
): Draft {
  if (!several) {
    const [first] = linesOf(draft);
    return first === undefined
      ? initialDraft(parameter)
      : { text: first, isNone: false };
  }
  const text = draft.isNone ? 'null' : oneLine(parameter, draft.text);
  return { text, isNone: false, several };
}

/** Return the content of a field that holds these values. */
export function severalDraft(
  parameter: Parameter,
  values: readonly JSONValue[]
): Draft {
  const lines = values.map(value =>
    value === null ? 'null' : oneLine(parameter, draftOf(parameter, value).text)
  );
  return { text: lines.join('\n'), isNone: false, several: true };
}

function oneLine(parameter: Parameter, text: string): string {
  if (parameter.type === 'list' || parameter.type === 'mapping') {
    try {
      return JSON.stringify(JSON.parse(text));
    } catch {
      // It is half typed, and stays so.
    }
  }
  return text.replace(/\n/g, ' ');
}

export function linesOf(draft: Draft): string[] {
  return draft.text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '');
}

/** Read the values of a field that holds several, or say which line is wrong. */
export function readSeveral(
  parameter: Parameter,
  draft: Draft,
  trans: TranslationBundle
): SeveralReading {
  const lines = linesOf(draft);
  if (!lines.length) {
    return { problem: trans.__('Needs a value on each line.') };
  }
  const values: JSONValue[] = [];
  const seen = new Set<string>();
  for (const [at, text] of lines.entries()) {
    const isNone = parameter.nullable && text === 'null';
    const reading = readDraft(parameter, { text, isNone }, trans);
    if ('problem' in reading) {
      return { problem: trans.__('Line %1: %2', at + 1, reading.problem) };
    }
    const written = JSON.stringify(reading.value);
    if (seen.has(written)) {
      return {
        problem: trans.__('Line %1: this value is there already.', at + 1)
      };
    }
    seen.add(written);
    values.push(reading.value);
  }
  return { values };
}

/** Count the runs of a form: one for each combination of values. */
export function countRuns(drafts: { [name: string]: Draft }): number {
  return Object.values(drafts)
    .filter(draft => draft.several)
    .reduce((count, draft) => count * new Set(linesOf(draft)).size, 1);
}

export function isSweep(drafts: { [name: string]: Draft }): boolean {
  return Object.values(drafts).some(draft => draft.several);
}

/** Read how the points are treated, and the problems by field. */
export function readSweepDraft(
  draft: SweepDraft,
  trans: TranslationBundle
): {
  choice: Pick<Submission, 'concurrency' | 'max_failures'>;
  problems: { [name: string]: string };
} {
  const concurrency = draft.concurrency.trim();
  const failures = draft.max_failures.trim();
  const problems: { [name: string]: string } = {};
  if (concurrency && !(/^\d{1,5}$/.test(concurrency) && Number(concurrency))) {
    problems.concurrency = trans.__('Needs a whole number from 1 on.');
  }
  if (failures && !/^\d+(\.\d+)?\s*%$|^\d+$/.test(failures)) {
    problems.max_failures = trans.__(
      'Needs a number of points, such as 3, or a share of them, such as 5%.'
    );
  }
  return {
    problems,
    choice: {
      concurrency: concurrency ? Number(concurrency) : undefined,
      max_failures: failures
        ? failures.endsWith('%')
          ? failures
          : Number(failures)
        : undefined
    }
  };
}
