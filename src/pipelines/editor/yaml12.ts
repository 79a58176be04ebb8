import {
  Composer,
  Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  Pair,
  ParsedNode,
  Parser,
  Scalar,
  YAMLMap
} from 'yaml';

import type { JSONValue } from '../../api';

/**
 * YAML 1.2 as the server reads it (`dataops_lab/yaml12.py`): the core schema, keys that are texts, no aliases
 * and no tags. `tests/pipelines/corpus/yaml.json` holds both readers to one another.
 */

const MAX_DEPTH = 20;
const LARGEST_INTEGER = 2n ** 63n - 1n;

export type Path = readonly (string | number)[];
/** A place in a text. Both numbers count from 1. */
export type Place = { line: number; column: number };
export type YamlProblem = Place & { message: string };
export type YamlNode = ParsedNode;

/** A text that was read. With a `problem` it has no value. */
export type YamlText = {
  text: string;
  root: YamlNode | null;
  value: JSONValue;
  problem: YamlProblem | null;
  /** The keys that their mapping has already. The value has the last one. */
  repeatedKeys: (Place & { path: Path })[];
  lines: LineCounter;
};

/** The characters that YAML does not take. */
const UNPRINTABLE =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u0084\u0086-\u009f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
/** The characters that are line breaks for some readers only: a line could hide behind a comment. */
const LINE_BREAK = /[\u0085\u2028\u2029]|\r(?!\n)/;

class Refusal extends Error {
  constructor(
    message: string,
    readonly offset: number
  ) {
    super(message);
  }
}

/** The texts that were read last. An edit reads the text before and after it, and so does whoever watches the text. */
const recent = new Map<string, YamlText>();
const MAX_RECENT = 4;

/** Read one document. */
export function readYaml(text: string): YamlText {
  const read = recent.get(text) ?? readAnew(text);
  recent.delete(text);
  recent.set(text, read);
  if (recent.size > MAX_RECENT) {
    recent.delete([...recent.keys()][0]);
  }
  return read;
}

function readAnew(text: string): YamlText {
  const lines = new LineCounter();
  const read: YamlText = {
    text,
    root: null,
    value: null,
    problem: null,
    repeatedKeys: [],
    lines
  };
  try {
    const root = compose(text, lines);
    if (root) {
      read.value = valueOf(text, root, [], 0, (path, offset) =>
        read.repeatedKeys.push({ path, ...placeOf(read, offset) })
      );
      read.root = root;
    }
  } catch (reason) {
    if (!(reason instanceof Refusal)) {
      throw reason;
    }
    read.problem = {
      message: reason.message,
      ...placeOf(read, reason.offset)
    };
  }
  return read;
}

/** Return the place of an offset. Columns count whole characters, as on the server. */
export function placeOf(read: YamlText, offset: number): Place {
  const { line, col } = read.lines.linePos(Math.min(offset, read.text.length));
  if (line === 0) {
    return { line: 1, column: 1 };
  }
  const start = read.lines.lineStarts[line - 1];
  return {
    line,
    column: [...read.text.slice(start, start + col - 1)].length + 1
  };
}

/** Return the offset of a place. */
export function offsetOf(read: YamlText, place: Place): number {
  const start = read.lines.lineStarts[place.line - 1] ?? read.text.length;
  const characters = [...read.text.slice(start, start + 2 * place.column)];
  return start + characters.slice(0, place.column - 1).join('').length;
}

/** Return the node at a path, or undefined. */
export function nodeAt(
  root: YamlNode | null,
  path: Path
): YamlNode | undefined {
  let node: YamlNode | null | undefined = root;
  for (const step of path) {
    if (isMap(node)) {
      node = pairOf(node, String(step))?.value as YamlNode | undefined;
    } else if (isSeq(node) && typeof step === 'number') {
      node = node.items[step] as YamlNode | undefined;
    } else {
      return undefined;
    }
  }
  return node ?? undefined;
}

export type ParsedPair = Pair<Scalar.Parsed, ParsedNode | null>;

/** Return the member of a mapping: the last one, if there are more. */
export function pairOf(map: YAMLMap, key: string): ParsedPair | undefined {
  return pairsOf(map)
    .reverse()
    .find(pair => keyOf(pair) === key);
}

export function pairsOf(map: YAMLMap): ParsedPair[] {
  return [...map.items] as ParsedPair[];
}

/** Return a key as it is written: for YAML `true` and `1` are not texts, but here every key is a name. */
export function keyOf(pair: ParsedPair): string {
  const { key } = pair;
  return key.type === 'PLAIN' ? (key.source ?? '') : String(key.value ?? '');
}

/** Return the path of the deepest part of the value that a place lies in. */
export function pathAt(read: YamlText, place: Place): Path {
  const offset = offsetOf(read, place);
  const path: (string | number)[] = [];
  let node: YamlNode | null = read.root;
  while (node) {
    if (isMap(node)) {
      const pair: ParsedPair | undefined = pairsOf(node)
        .filter(each => each.key.range![0] <= offset)
        .pop();
      if (!pair) {
        break;
      }
      path.push(keyOf(pair));
      node = pair.value;
    } else if (isSeq(node)) {
      const items: YamlNode[] = node.items as YamlNode[];
      const at: number =
        items.filter(item => item.range[0] <= offset).length - 1;
      if (at < 0) {
        break;
      }
      path.push(at);
      node = items[at];
    } else {
      break;
    }
  }
  return path;
}

function compose(text: string, lines: LineCounter): YamlNode | null {
  const parser = new Parser(lines.addNewLine);
  for (const [characters, problem] of [
    [UNPRINTABLE, 'this character is not taken'],
    [LINE_BREAK, 'this character is a line break for some readers only']
  ] as const) {
    const found = characters.exec(text);
    if (found) {
      [...text.matchAll(/\n/g)].forEach(({ index }) =>
        lines.addNewLine(index! + 1)
      );
      throw new Refusal(problem, found.index);
    }
  }
  const composer = new Composer({
    version: '1.2',
    schema: 'core',
    intAsBigInt: true,
    merge: false,
    uniqueKeys: false
  });
  let first: Document.Parsed | null = null;
  for (const document of composer.compose(
    parser.parse(text),
    true,
    text.length
  )) {
    if (first) {
      throw new Refusal(
        'a second document begins here: take it out',
        document.range[0]
      );
    }
    first = document as Document.Parsed;
  }
  const [error] = [...(first?.errors ?? []), ...(first?.warnings ?? [])];
  if (error) {
    throw new Refusal(error.message, error.pos[0]);
  }
  return first?.contents ?? null;
}

function valueOf(
  text: string,
  node: YamlNode,
  path: Path,
  depth: number,
  onRepeated: (path: Path, offset: number) => void
): JSONValue {
  const offset = node.range[0];
  if (isAlias(node)) {
    throw new Refusal('aliases are not taken. Write it out', offset);
  }
  if (isCollection(node) && depth >= MAX_DEPTH) {
    throw new Refusal(
      `this is nested more than ${MAX_DEPTH} levels deep`,
      offset
    );
  }
  if (node.tag && !hasItsTag(node)) {
    throw new Refusal(`leave out the tag ${node.tag}`, offset);
  }
  if (isMap(node)) {
    const value: { [name: string]: JSONValue } = Object.create(null);
    for (const pair of pairsOf(node)) {
      const { key: name, value: member } = pair;
      if (!isScalar(name) || name.range[0] === name.range[1]) {
        const at = (name as ParsedNode | null)?.range[0] ?? offset;
        throw new Refusal('a key is a text', at);
      }
      if (node.flow && member?.range[0] === member?.range[1]) {
        const end = member?.range[0] ?? offset;
        if (/^:[,[\]{}]/.test(text.slice(end - 1))) {
          throw new Refusal('put a space behind the colon', end);
        }
      }
      const key = keyOf(pair);
      if (key in value) {
        onRepeated([...path, key], pair.key.range![0]);
      }
      value[key] =
        member === null
          ? null
          : valueOf(text, member, [...path, key], depth + 1, onRepeated);
    }
    return value;
  }
  if (isSeq(node)) {
    return (node.items as YamlNode[]).map((item, at) =>
      valueOf(text, item, [...path, at], depth + 1, onRepeated)
    );
  }
  const { value, type } = node as Scalar.Parsed;
  const written = text.slice(node.range[0], node.range[1]);
  if (type && QUOTED[type]?.test(written) === false) {
    throw new Refusal('a closing quotation mark is missing', offset);
  }
  if (typeof value === 'bigint') {
    if (value > LARGEST_INTEGER || value < -LARGEST_INTEGER) {
      throw new Refusal(
        'a whole number has at most 64 bits. Put a longer one in quotes',
        offset
      );
    }
    return Number(value);
  }
  const isBlock = type === 'BLOCK_LITERAL' || type === 'BLOCK_FOLDED';
  if (isBlock && node.range[1] >= text.length && !text.endsWith('\n')) {
    return String(value).replace(/\n$/, '');
  }
  return value as JSONValue;
}

const QUOTED: { [type: string]: RegExp } = {
  QUOTE_SINGLE: /^'(?:[^']|'')*'$/,
  QUOTE_DOUBLE: /^"(?:[^"\\]|\\[^])*"$/
};
const TAG = 'tag:yaml.org,2002:';
const TYPES: { [tag: string]: string[] } = {
  str: ['string'],
  null: ['object'],
  bool: ['boolean'],
  int: ['bigint'],
  float: ['number', 'bigint']
};

/** Tell whether a node has a tag of the core schema, and is what that says. */
function hasItsTag(node: YamlNode): boolean {
  const tag = node.tag!.replace(TAG, '');
  return isScalar(node)
    ? Boolean(TYPES[tag]?.includes(typeof node.value))
    : tag === (isMap(node) ? 'map' : 'seq');
}
