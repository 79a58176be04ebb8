import { nullTranslator, TranslationBundle } from '@jupyterlab/translation';
import { isCollection, isMap, isScalar, isSeq, YAMLMap, YAMLSeq } from 'yaml';

import type { JSONValue } from '../../api';
import { inline, isShort, linesOf } from './writing';
import {
  keyOf,
  nodeAt,
  pairOf,
  pairsOf,
  ParsedPair,
  Path,
  readYaml,
  YamlNode,
  YamlText
} from './yaml12';

/**
 * Edits of a text in YAML. All of the text stays as it is written, except for the part that is meant: each
 * edit is made in the text, read again, and taken only when it gives the value that was meant.
 */

type Mapping = { [name: string]: JSONValue };

/** An edit that the text does not allow. `say` returns the reason in the language of a person. */
export class EditRefused extends Error {
  constructor(readonly say: (trans: TranslationBundle) => string) {
    super(say(nullTranslator.load('dataops_lab')));
  }
}

/** An edit that cannot be made in so small a part of the text. */
class TooTight extends Error {}

/** The members of mappings are added in this order; others come last. */
const ORDER = [
  'version',
  'notebook',
  'script',
  'command',
  'approve',
  'type',
  'step',
  'path',
  'from',
  'ask',
  'item',
  'title',
  'parameters',
  'defaults',
  'needs',
  'if',
  'run_if',
  'reuse',
  'for_each',
  'with',
  'files',
  'outputs',
  'image',
  'kernel',
  'resources',
  'retries',
  'timeout',
  'concurrency',
  'env',
  'disabled',
  'steps'
];

/** Set the value at a path, or take it out when it is undefined. Mappings on the way are made, and go when they are empty. */
export function setIn(
  text: string,
  path: Path,
  value: JSONValue | undefined
): string {
  const read = readable(text);
  if (value === undefined && valueAt(read.value, path) === undefined) {
    return text;
  }
  [path, value] = target(read.value, path, value);
  const expected = withValue(read.value, path, value);
  if (isEqual(expected, read.value)) {
    return text;
  }
  const attempts: (() => string)[] = [
    () => (value === undefined ? remove(read, path) : put(read, path, value))
  ];
  // Where the small edit is not possible, the collection around it is written anew: at most the whole step.
  for (let depth = path.length - 1; depth > 0; depth--) {
    const around = path.slice(0, depth);
    if (around.length === 1 && around[0] === 'steps') {
      break;
    }
    attempts.push(() => replace(read, around, valueAt(expected, around)!));
  }
  return firstThatIs(expected, attempts);
}

/** Give the member of a mapping another name, at its place. */
export function renameIn(text: string, path: Path, name: string): string {
  const read = readable(text);
  const parent = nodeAt(read.root, path.slice(0, -1));
  const pair = isMap(parent) && pairOf(parent, String(path[path.length - 1]));
  if (!pair) {
    throw new EditRefused(trans =>
      trans.__('%1 is not there.', path.join('.'))
    );
  }
  const [start, end] = pair.key.range!;
  const around = path.slice(0, -1);
  const members = Object.entries(valueAt(read.value, around) as Mapping);
  const renamed = members.map(([key, value]): [string, JSONValue] => [
    key === path[path.length - 1] ? name : key,
    value
  ]);
  const expected = withValue(read.value, around, Object.fromEntries(renamed));
  return firstThatIs(expected, [() => splice(text, start, end, inline(name))]);
}

/** Change places of two neighbours in a mapping, with the comments above and behind them. */
export function swapIn(text: string, path: Path, first: number): string {
  const read = readable(text);
  const map = nodeAt(read.root, path);
  if (!isMap(map) || !map.items[first] || !map.items[first + 1]) {
    throw new EditRefused(trans =>
      trans.__('There is no step to change places with.')
    );
  }
  const [a, b] = [extent(read, map, first), extent(read, map, first + 1)];
  const members = Object.entries(valueAt(read.value, path) as Mapping);
  [members[first], members[first + 1]] = [members[first + 1], members[first]];
  const expected = withValue(read.value, path, Object.fromEntries(members));
  const swapped =
    text.slice(0, a.start) +
    text.slice(b.start, b.end) +
    text.slice(a.end, b.start) +
    text.slice(a.start, a.end) +
    text.slice(b.end);
  return firstThatIs(expected, [() => swapped]);
}

/** Return the smallest part of the text in which two texts differ. */
export function difference(
  before: string,
  after: string
): { start: number; end: number; text: string } {
  let start = 0;
  const shorter = Math.min(before.length, after.length);
  while (start < shorter && before[start] === after[start]) {
    start++;
  }
  let tail = 0;
  while (
    tail < shorter - start &&
    before[before.length - 1 - tail] === after[after.length - 1 - tail]
  ) {
    tail++;
  }
  return {
    start,
    end: before.length - tail,
    text: after.slice(start, after.length - tail)
  };
}

export function valueAt(value: JSONValue, path: Path): JSONValue | undefined {
  let found: JSONValue | undefined = value;
  for (const step of path) {
    found =
      found !== null && typeof found === 'object'
        ? (found as Mapping)[step as string]
        : undefined;
  }
  return found;
}

export function isMapping(value: JSONValue | undefined): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Tell whether two values are equal; the order of members does not count. */
export function isEqual(
  a: JSONValue | undefined,
  b: JSONValue | undefined
): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, at) => isEqual(item, b[at]));
  }
  if (isMapping(a) && isMapping(b)) {
    const names = Object.keys(a);
    return (
      names.length === Object.keys(b).length &&
      names.every(name => name in b && isEqual(a[name], b[name]))
    );
  }
  return Object.is(a, b);
}

function readable(text: string): YamlText {
  const read = readYaml(text);
  if (read.problem) {
    const { line, message } = read.problem;
    throw new EditRefused(trans => trans.__('Line %1: %2.', line, message));
  }
  const [repeated] = read.repeatedKeys;
  if (repeated) {
    const name = repeated.path[repeated.path.length - 1];
    throw new EditRefused(trans =>
      trans.__('Line %1: %2 is there twice.', repeated.line, name)
    );
  }
  if (read.value !== null && !isMapping(read.value)) {
    throw new EditRefused(trans =>
      trans.__('The file is not a mapping of names to values.')
    );
  }
  return read;
}

/** Return the place that really changes: a mapping that is missing is added, one that would be empty goes. */
function target(
  root: JSONValue,
  path: Path,
  value: JSONValue | undefined
): [Path, JSONValue | undefined] {
  while (path.length) {
    const around = path.slice(0, -1);
    const parent = valueAt(root, around);
    const step = path[path.length - 1];
    if (value === undefined) {
      const isLast =
        isMapping(parent) && step in parent && Object.keys(parent).length === 1;
      if (!isLast || !around.length) {
        break;
      }
      if (around[0] === 'steps' && around.length <= 2) {
        return [around, {}];
      }
    } else if (parent === null || parent === undefined) {
      value = typeof step === 'number' ? [value] : { [step]: value };
    } else if (
      typeof step === 'number' ? Array.isArray(parent) : isMapping(parent)
    ) {
      break;
    } else {
      throw new EditRefused(trans =>
        around.length
          ? trans.__(
              '%1 is not a mapping of names to values.',
              around.join('.')
            )
          : trans.__('The file is not a mapping of names to values.')
      );
    }
    path = around;
  }
  return [path, value];
}

function withValue(
  root: JSONValue,
  path: Path,
  value: JSONValue | undefined
): JSONValue {
  if (!path.length) {
    return value ?? null;
  }
  const [step, ...others] = path;
  const copy: JSONValue = Array.isArray(root)
    ? [...root]
    : Object.assign(Object.create(null), root);
  const members = copy as Mapping;
  if (others.length) {
    members[step] = withValue(members[step], others, value);
  } else if (value !== undefined) {
    members[step] = value;
  } else if (Array.isArray(copy)) {
    copy.splice(step as number, 1);
  } else {
    delete members[step];
  }
  return copy;
}

function firstThatIs(expected: JSONValue, attempts: (() => string)[]): string {
  for (const attempt of attempts) {
    try {
      const text = attempt();
      const { problem, repeatedKeys, value } = readYaml(text);
      if (!problem && !repeatedKeys.length && isEqual(value, expected)) {
        return text;
      }
    } catch (reason) {
      if (!(reason instanceof TooTight)) {
        throw reason;
      }
    }
  }
  throw new EditRefused(trans =>
    trans.__(
      'The text is written in a way that only you can change: edit it as text.'
    )
  );
}

// --- in the text ---------------------------------------------------------------------------------

function put(read: YamlText, path: Path, value: JSONValue): string {
  if (!path.length) {
    return putRoot(read, value);
  }
  const around = path.slice(0, -1);
  const parent = nodeAt(read.root, around);
  const step = path[path.length - 1];
  if (isMap(parent) && !pairOf(parent, String(step))) {
    return insertPair(read, parent, around, String(step), value);
  }
  if (isSeq(parent) && step === parent.items.length) {
    return insertItem(read, parent, around, value);
  }
  return change(read, path, value);
}

function putRoot(read: YamlText, value: JSONValue): string {
  const { text } = read;
  if (read.root) {
    return change(read, [], value);
  }
  const eol = eolOf(text);
  const gap = text && !text.endsWith('\n') ? eol : '';
  return text + gap + linesOf(value, [], 2).join(eol) + eol;
}

/** Change as little of a value as makes it the new one. */
function change(read: YamlText, path: Path, value: JSONValue): string {
  const old = valueAt(read.value, path);
  const edits: [Path, JSONValue | undefined][] = [];
  if (isMapping(old) && isMapping(value) && Object.keys(value).length) {
    for (const name of Object.keys(value)) {
      edits.push([[...path, name], value[name]]);
    }
    for (const name of Object.keys(old).filter(name => !(name in value))) {
      edits.push([[...path, name], undefined]);
    }
  } else if (Array.isArray(old) && Array.isArray(value) && value.length) {
    const kept = subsequence(old, value);
    if (kept) {
      for (let at = old.length - 1; at >= 0; at--) {
        if (!kept.has(at)) {
          edits.push([[...path, at], undefined]);
        }
      }
    } else if (old.length && old.length <= value.length) {
      value.forEach((item, at) => edits.push([[...path, at], item]));
    }
  }
  if (!edits.length) {
    return replace(read, path, value);
  }
  return edits.reduce(
    (text, [at, member]) => setIn(text, at, member),
    read.text
  );
}

/** Return the places of `part` in `all`, when all of it is there in this order. */
function subsequence(all: JSONValue[], part: JSONValue[]): Set<number> | null {
  const kept = new Set<number>();
  let next = 0;
  all.forEach((item, at) => {
    if (next < part.length && isEqual(item, part[next])) {
      kept.add(at);
      next++;
    }
  });
  return next === part.length ? kept : null;
}

/** Write a value anew. */
function replace(read: YamlText, path: Path, value: JSONValue): string {
  const { text } = read;
  const node = nodeAt(read.root, path);
  const parent = nodeAt(read.root, path.slice(0, -1));
  const pair = isMap(parent)
    ? pairOf(parent, String(path[path.length - 1]))
    : undefined;
  const isFlow = path.length > 0 && isInFlow(read, path.slice(0, -1));
  const eol = eolOf(text);
  if (pair && (!node || isEmptyScalar(node))) {
    // `key:` alone, or a key of a flow mapping without anything.
    const end = pairEnd(text, pair);
    const colon = text[end - 1] === ':' ? '' : ':';
    if (isFlow || isShort(value, path)) {
      return splice(text, end, end, `${colon} ${inline(value)}`);
    }
  } else if (!node) {
    throw new TooTight();
  }
  const [start, end] = node
    ? [node.range[0], contentEnd(text, node)]
    : [pairEnd(text, pair!), pairEnd(text, pair!)];
  if (isFlow || (isShort(value, path) && !startsOwnLine(text, start))) {
    return splice(text, start, end, inline(value, quotesOf(node)));
  }
  if (pair) {
    const column = columnOf(text, pair.key.range![0]);
    const step = indentOf(read);
    const lines = linesOf({ [keyOf(pair)]: value }, path.slice(0, -1), step);
    const keyStart = pair.key.range![0];
    const [first, ...others] = indented(lines, column);
    // A comment behind the value stays on the line of the key.
    const tail = others.length ? lineEnd(text, end) : end;
    const written = [first.trimStart() + text.slice(end, tail), ...others];
    return splice(text, keyStart, tail, written.join(eol));
  }
  if (node) {
    const lines = linesOf(value, path, indentOf(read));
    const [first, ...others] = indented(lines, columnOf(text, start));
    return splice(text, start, end, [first.trimStart(), ...others].join(eol));
  }
  throw new TooTight();
}

function insertPair(
  read: YamlText,
  map: YAMLMap,
  path: Path,
  key: string,
  value: JSONValue
): string {
  const { text } = read;
  const pairs = pairsOf(map);
  const after = placeFor(key, pairs.map(keyOf));
  if (!pairs.length) {
    return replace(read, path, { [key]: value });
  }
  if (isInFlow(read, path)) {
    const written = inline({ [key]: value }).slice(1, -1);
    if (after < 0) {
      const start = pairs[0].key.range![0];
      return splice(text, start, start, `${written}, `);
    }
    const end = pairEnd(text, pairs[after]);
    return splice(text, end, end, `, ${written}`);
  }
  const eol = eolOf(text);
  const column = columnOf(text, pairs[0].key.range![0]);
  const lines = indented(
    linesOf({ [key]: value }, path, indentOf(read)),
    column
  );
  if (after < 0) {
    const start = pairs[0].key.range![0];
    const [first, ...others] = lines;
    const written = [first.trimStart(), ...others].join(eol);
    return splice(text, start, start, written + eol + ' '.repeat(column));
  }
  const end = lineEnd(text, pairEnd(text, pairs[after]));
  // Where blank lines are between the steps, one more is before the new one.
  const isSpaced =
    path.length === 1 &&
    pairs.length > 1 &&
    /\n[ \t]*\r?\n$/.test(
      text.slice(0, extent(read, map, pairs.length - 1).start)
    );
  const gap = isSpaced && after === pairs.length - 1 ? eol : '';
  return splice(text, end, end, eol + gap + lines.join(eol));
}

function insertItem(
  read: YamlText,
  list: YAMLSeq,
  path: Path,
  value: JSONValue
): string {
  const { text } = read;
  const items = list.items as YamlNode[];
  if (!items.length) {
    return replace(read, path, [value]);
  }
  if (isInFlow(read, path)) {
    const written = inline([value]).slice(1, -1);
    const end = contentEnd(text, items[items.length - 1]);
    return splice(text, end, end, `, ${written}`);
  }
  const column = columnOf(text, list.range![0]);
  const end = lineEnd(text, contentEnd(text, items[items.length - 1]));
  const lines = indented(linesOf([value], path, indentOf(read)), column);
  return splice(text, end, end, eolOf(text) + lines.join(eolOf(text)));
}

function remove(read: YamlText, path: Path): string {
  const { text } = read;
  const around = path.slice(0, -1);
  const parent = nodeAt(read.root, around);
  const step = path[path.length - 1];
  if (!isCollection(parent)) {
    throw new TooTight();
  }
  const at = isMap(parent)
    ? pairsOf(parent).findIndex(pair => keyOf(pair) === step)
    : (step as number);
  if (isInFlow(read, around)) {
    const spans = spansOf(text, parent);
    if (at < spans.length - 1) {
      return splice(text, spans[at].start, spans[at + 1].start, '');
    }
    return at > 0
      ? splice(text, spans[at - 1].end, spans[at].end, '')
      : splice(text, parent.range![0] + 1, parent.range![1] - 1, '');
  }
  let { start, end } = extent(read, parent as YAMLMap | YAMLSeq, at);
  const eol = eolOf(text);
  if (text.startsWith(eol, end)) {
    end += eol.length;
  } else if (text.endsWith(eol, start)) {
    start -= eol.length;
  }
  // Else two blank lines would stay, or one above the first member or at the end of the file.
  const isBelowBlank = text.slice(0, start).endsWith(eol + eol);
  if ((isBelowBlank || at === 0) && text.startsWith(eol, end)) {
    end += eol.length;
  } else if (isBelowBlank && end === text.length) {
    start -= eol.length;
  }
  return splice(text, start, end, '');
}

// --- places in the text --------------------------------------------------------------------------

type Span = { start: number; end: number };

/** Return the part of the text that belongs to a member of a collection: whole lines with its comments, or within a line its text. */
function extent(read: YamlText, parent: YAMLMap | YAMLSeq, at: number): Span {
  const { text } = read;
  const span = spansOf(text, parent)[at];
  if (!span) {
    throw new TooTight();
  }
  if (parent.flow) {
    return span;
  }
  let start = lineStart(text, span.start);
  const lead = text.slice(start, span.start);
  if (!/^[ \t]*(- *)?$/.test(lead) || (isMap(parent) && lead.includes('-'))) {
    throw new TooTight();
  }
  const indent = lead.replace(/-.*/, '');
  for (;;) {
    const above = lineStart(text, Math.max(0, start - 1));
    if (above === start || !text.startsWith(`${indent}#`, above)) {
      break;
    }
    start = above;
  }
  let end = lineEnd(text, span.end);
  for (;;) {
    const next = text.indexOf('\n', end) + 1;
    const line = next ? text.slice(next, lineEnd(text, next)) : '';
    const comment = /^([ \t]*)#/.exec(line);
    if (!comment || comment[1].length <= indent.length) {
      return { start, end };
    }
    end = next + line.length;
  }
}

function spansOf(text: string, parent: YamlNode | YAMLMap | YAMLSeq): Span[] {
  if (isMap(parent)) {
    return pairsOf(parent).map(pair => ({
      start: pair.key.range![0],
      end: pairEnd(text, pair)
    }));
  }
  return ((parent as YAMLSeq).items as YamlNode[]).map(item => ({
    start: item.range[0],
    end: contentEnd(text, item)
  }));
}

function pairEnd(text: string, pair: ParsedPair): number {
  if (pair.value && !isEmptyScalar(pair.value)) {
    return contentEnd(text, pair.value);
  }
  const end = pair.key.range![1];
  const colon = /^\s*:/.exec(text.slice(end));
  return colon ? end + colon[0].length : end;
}

/** Return the end of what is written of a node, without the line break after it. */
function contentEnd(text: string, node: YamlNode): number {
  if (isCollection(node) && !node.flow && node.items.length) {
    const last = node.items[node.items.length - 1];
    return isMap(node)
      ? pairEnd(text, last as ParsedPair)
      : contentEnd(text, last as YamlNode);
  }
  const end = node.range[1];
  const tail = /\r?\n$/.exec(text.slice(node.range[0], end));
  return tail ? end - tail[0].length : end;
}

function isEmptyScalar(node: YamlNode): boolean {
  return isScalar(node) && node.range[0] === node.range[1];
}

function isInFlow(read: YamlText, path: Path): boolean {
  for (let depth = 0; depth <= path.length; depth++) {
    const node = nodeAt(read.root, path.slice(0, depth));
    if (isCollection(node) && node.flow) {
      return true;
    }
  }
  return false;
}

/** Return the index of the member after which a new one goes; -1 for the first place. */
function placeFor(key: string, present: string[]): number {
  const rank = ORDER.indexOf(key);
  if (rank < 0) {
    return present.length - 1;
  }
  const ranks = present.map(name => ORDER.indexOf(name));
  const before = ranks.reduce(
    (last, other, at) => (other >= 0 && other < rank ? at : last),
    -1
  );
  const hasLater = ranks.some(other => other > rank);
  return before >= 0 || hasLater ? before : present.length - 1;
}

/** Return how far the file indents. */
function indentOf({ text, root }: YamlText): number {
  const find = (node: YamlNode | null, column: number): number | null => {
    if (!isMap(node) || node.flow) {
      return null;
    }
    for (const pair of pairsOf(node)) {
      const own = columnOf(text, pair.key.range![0]);
      if (own > column && column >= 0) {
        return own - column;
      }
      const inner = find(pair.value, own);
      if (inner !== null) {
        return inner;
      }
    }
    return null;
  };
  return find(root, -1) ?? 2;
}

function quotesOf(node: YamlNode | undefined): "'" | '"' | undefined {
  const type = isScalar(node) ? node.type : undefined;
  return type === 'QUOTE_DOUBLE'
    ? '"'
    : type === 'QUOTE_SINGLE'
      ? "'"
      : undefined;
}

function startsOwnLine(text: string, offset: number): boolean {
  return /^[ \t]*$/.test(text.slice(lineStart(text, offset), offset));
}

function indented(lines: string[], column: number): string[] {
  return lines.map(line => (line ? ' '.repeat(column) + line : line));
}

function columnOf(text: string, offset: number): number {
  return offset - lineStart(text, offset);
}

function lineStart(text: string, offset: number): number {
  const start = offset === 0 ? 0 : text.lastIndexOf('\n', offset - 1) + 1;
  return start === 0 && text[0] === '\ufeff' ? 1 : start;
}

/** Return the end of the line, before its line break. */
function lineEnd(text: string, offset: number): number {
  const end = text.indexOf('\n', offset);
  if (end < 0) {
    return text.length;
  }
  return end > offset && text[end - 1] === '\r' ? end - 1 : end;
}

function eolOf(text: string): string {
  return /\r\n/.test(text) ? '\r\n' : '\n';
}

function splice(
  text: string,
  start: number,
  end: number,
  inserted: string
): string {
  return text.slice(0, start) + inserted + text.slice(end);
}
