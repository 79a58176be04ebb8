import { YFile } from '@jupyter/ydoc';
import { nullTranslator } from '@jupyterlab/translation';
import { readFileSync } from 'fs';
import { join } from 'path';

import type { JSONValue } from '../../../api';
import { PipelineDocument } from '../document';
import { difference, isMapping, setIn } from '../edits';
import { nodeAt, pairOf, readYaml } from '../yaml12';
import { HAND_FORMATTED } from './handFormatted';

const trans = nullTranslator.load('dataops_lab');

type Edit = (document: PipelineDocument, step: string) => void;

/** Edits that concern one step alone. */
const OF_ONE_STEP: { [name: string]: Edit } = {
  'a title': (document, id) => document.set(id, ['title'], 'A: title # "x"'),
  'no title': (document, id) => document.set(id, ['title'], undefined),
  'a condition': (document, id) =>
    document.set(id, ['if'], 'params.month == "a" && 1 > 0'),
  'a reference': (document, id) =>
    document.set(id, ['with', 'x'], { cel: 'params.month' }),
  'a deep value': (document, id) =>
    document.set(id, ['with', 'y'], ['a', { b: [1, { c: 'd' }] }]),
  'a text of two lines': (document, id) =>
    document.set(id, ['env', 'LONG'], 'two\nlines'),
  'a fan-out': (document, id) =>
    document.set(id, ['for_each'], {
      item: 'region',
      inputs: { cel: 'params.regions' },
      concurrency: 4,
      max_failures: '10%'
    }),
  'a number': (document, id) => document.set(id, ['retries'], 3),
  memory: (document, id) => document.set(id, ['resources', 'memory'], '4G'),
  outputs: (document, id) =>
    document.set(id, ['outputs'], ['data.csv', 'figures/*.png']),
  'a path': (document, id) => document.set(id, ['notebook'], 'x y.ipynb'),
  'other needs': (document, id) => document.set(id, ['needs'], ['other']),
  'no needs': (document, id) => document.set(id, ['needs'], undefined),
  files: (document, id) => {
    const files = document.step(id)!.value.files;
    const at = Array.isArray(files) ? files.length : 0;
    const added = { from: 'extract', paths: ['a.csv'], into: '.' };
    document.set(id, ['files', at], added);
  }
};

const OF_SEVERAL: { [name: string]: Edit } = {
  'another id': (document, id) => document.renameStep(id, 'renamed'),
  removed: (document, id) => document.removeStep(id),
  up: (document, id) => document.moveStep(id, -1),
  down: (document, id) => document.moveStep(id, 1),
  'a new step': (document, id) =>
    void document.addStep({
      kind: 'notebook',
      path: 'next.ipynb',
      needs: [id]
    }),
  'a parameter': document =>
    document.setParameter('fresh', [], { type: 'string', default: '' }),
  'a default': document => document.setDefault(['image'], 'py'),
  'no default': document => document.setDefault(['retries'], undefined)
};

const STEPS = ['extract', 'clean', 'report'];

function open(source: string): PipelineDocument {
  const file = YFile.create();
  file.updateSource(0, 0, source);
  return new PipelineDocument({ text: file, trans });
}

/** Return the offset of a step in the text. */
function startOf(text: string, step: string): number {
  const steps = nodeAt(readYaml(text).root, ['steps']);
  return pairOf(steps as never, step)!.key.range![0];
}

function plain(value: JSONValue): JSONValue {
  return JSON.parse(JSON.stringify(value));
}

describe.each(Object.entries(HAND_FORMATTED))('the text: %s', (_, source) => {
  it.each(Object.entries(OF_ONE_STEP))(
    'keeps all that is outside of the step that gets %s',
    (what, edit) => {
      STEPS.forEach((step, at) => {
        const document = open(source);
        edit(document, step);
        const after = document.source;
        const start = startOf(source, step);
        expect(after.slice(0, start)).toBe(source.slice(0, start));
        const next = STEPS[at + 1];
        if (next) {
          expect(after.slice(startOf(after, next))).toBe(
            source.slice(startOf(source, next))
          );
        }
        const comments = source.match(/#[^\r\n]*/g) ?? [];
        if (!what.endsWith('needs')) {
          for (const comment of comments) {
            expect(after).toContain(comment);
          }
        }
      });
    }
  );

  it.each(Object.entries(OF_SEVERAL))(
    'has its other steps unchanged: %s',
    (what, edit) => {
      for (const step of STEPS) {
        const document = open(source);
        const before = new Map(document.steps.map(each => [each.id, each]));
        edit(document, step);
        const known = new Set([...STEPS, 'renamed', 'next']);
        for (const { id, value } of document.steps) {
          expect(known.has(id)).toBe(true);
          const old = before.get(id)?.value ?? {};
          const { needs: _, files: __, if: ___, with: ____, ...others } = value;
          const { needs: _a, files: _b, if: _c, with: _d, ...rest } = old;
          if (before.has(id)) {
            expect(plain(others)).toEqual(plain(rest));
          }
        }
        if (source.includes('\r\n')) {
          expect(document.source).not.toMatch(/[^\r]\n/);
        }
      }
    }
  );
});

// The server reads the same results in tests/pipelines/test_editing.py.
const RESULTS: {
  text: string;
  step: string;
  edit: string;
  after: string;
  value: JSONValue;
}[] = JSON.parse(
  readFileSync(
    join(__dirname, '../../../../tests/pipelines/corpus/edits.json'),
    'utf-8'
  )
);

describe('an edit', () => {
  it.each(RESULTS)(
    'gives the text that is expected: $text, $step: $edit',
    ({ text, step, edit, after, value }) => {
      const document = open(HAND_FORMATTED[text]);
      ({ ...OF_ONE_STEP, ...OF_SEVERAL })[edit](document, step);
      expect(document.source).toBe(after);
      expect(plain(readYaml(after).value)).toEqual(value);
    }
  );

  it('replaces the smallest part of a text', () => {
    expect(difference('needs: [a]', 'needs: [a, b]')).toEqual({
      start: 9,
      end: 9,
      text: ', b'
    });
    expect(difference('aa', 'a')).toEqual({ start: 1, end: 2, text: '' });
  });

  it.each([
    'no',
    'true',
    '12:30',
    '0o17',
    '1e3',
    '',
    ' x ',
    '#x',
    'a: b',
    '- a',
    '{cel: x}',
    "it's",
    '"q"',
    '*a',
    '%',
    'a\tb',
    'two\nlines\n',
    'é🙂',
    '\u2028',
    '\u0007',
    '=',
    '<<',
    '~',
    '2026-01-31',
    'x'.repeat(300)
  ])('writes a text so that it stays one: %j', text => {
    for (const source of [
      'steps:\n  a: {title: x}\n',
      'steps:\n  a:\n    title: x # c\n',
      'steps:\n  a:\n    title: "x"\n',
      "steps:\n  a:\n    title: 'x'\n"
    ]) {
      const { value, problem } = readYaml(
        setIn(source, ['steps', 'a', 'title'], text)
      );
      expect(problem).toBeNull();
      const steps = isMapping(value) ? plain(value.steps) : null;
      expect(steps).toEqual({ a: { title: text } });
    }
  });
});
