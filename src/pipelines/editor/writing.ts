import { stringify } from 'yaml';

import type { JSONValue } from '../../api';
import type { Path } from './yaml12';

/** Longer values are written on lines of their own. */
const LONGEST_LINE = 80;
const DEEPEST_LINE = 2;
/** Characters that some reader takes for a line break, or refuses. */
const UNPRINTABLE =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])/;

type Mapping = { [name: string]: JSONValue };

/** Write a value on one line, so that readers of YAML 1.1 and 1.2 make the same of it. */
export function inline(value: JSONValue, quotes?: "'" | '"'): string {
  if (Array.isArray(value)) {
    return `[${value.map(item => inScalarOfFlow(item)).join(', ')}]`;
  }
  if (value !== null && typeof value === 'object') {
    const members = Object.entries(value).map(
      ([name, member]) => `${inScalarOfFlow(name)}: ${inScalarOfFlow(member)}`
    );
    return `{${members.join(', ')}}`;
  }
  if (typeof value !== 'string') {
    return String(value);
  }
  if (value.includes('\n') || UNPRINTABLE.test(value)) {
    return quoted(value);
  }
  if (quotes === '"') {
    return quoted(value);
  }
  return plain(value, quotes === "'");
}

/** Tell whether a value is written behind its key. Steps and parameters have lines of their own. */
export function isShort(value: JSONValue, path: Path): boolean {
  const isListOfParts =
    path.length <= 2 && (path[0] === 'steps' || !path.length);
  const isParameters = path.length === 1 && path[0] === 'parameters';
  if (value === null || typeof value !== 'object') {
    return typeof value !== 'string' || !value.includes('\n');
  }
  if (!Object.keys(value).length) {
    return true;
  }
  const holdsMappings =
    Array.isArray(value) &&
    value.some(item => item !== null && typeof item === 'object');
  return (
    !isListOfParts &&
    !isParameters &&
    !holdsMappings &&
    depthOf(value) <= DEEPEST_LINE &&
    !JSON.stringify(value).includes('\\n') &&
    inline(value).length <= LONGEST_LINE
  );
}

/** Write a mapping or a list as lines. `path` is its place in the file. */
export function linesOf(
  value: JSONValue,
  path: Path,
  indent: number
): string[] {
  if (Array.isArray(value)) {
    return value.flatMap((item, at) => {
      const place = [...path, at];
      const lines = isInline(item)
        ? [inline(item)]
        : linesOf(item, place, indent);
      return lines.map((line, index) => (index ? `  ${line}` : `- ${line}`));
    });
  }
  return Object.entries(value as Mapping).flatMap(([name, member]) => {
    const place = [...path, name];
    const key = inline(name);
    if (typeof member === 'string' && isLiteral(member)) {
      const chomp = member.endsWith('\n') ? '' : '-';
      const lines = member.replace(/\n$/, '').split('\n');
      return [`${key}: |${chomp}`, ...further(lines, indent)];
    }
    if (isShort(member, place)) {
      return [`${key}: ${inline(member)}`];
    }
    if (typeof member === 'string') {
      return [`${key}: ${inline(member)}`];
    }
    return [`${key}:`, ...further(linesOf(member, place, indent), indent)];
  });
}

function further(lines: string[], indent: number): string[] {
  return lines.map(line => (line ? ' '.repeat(indent) + line : line));
}

/** Tell whether a member of a list of mappings goes on one line. */
function isInline(value: JSONValue): boolean {
  return (
    value === null ||
    typeof value !== 'object' ||
    (depthOf(value) <= DEEPEST_LINE && inline(value).length <= LONGEST_LINE)
  );
}

/** Tell whether a text of more lines can stand as it is below its key. */
function isLiteral(text: string): boolean {
  return (
    text.includes('\n') &&
    !UNPRINTABLE.test(text) &&
    !/^[ \t\n]|\n\n$|[ \t]$|\t/.test(text)
  );
}

function depthOf(value: JSONValue): number {
  return value === null || typeof value !== 'object'
    ? 0
    : 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

function inScalarOfFlow(value: JSONValue): string {
  if (typeof value !== 'string' || value.includes('\n')) {
    return inline(value);
  }
  if (UNPRINTABLE.test(value)) {
    return quoted(value);
  }
  return stringify([value], { ...OPTIONS, collectionStyle: 'flow' })
    .trim()
    .slice(1, -1);
}

const OPTIONS = {
  version: '1.2',
  schema: 'core',
  compat: 'yaml-1.1',
  lineWidth: 0,
  blockQuote: false,
  flowCollectionPadding: false,
  doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER
} as const;

function plain(text: string, isSingle: boolean): string {
  return stringify(text, {
    ...OPTIONS,
    defaultStringType: isSingle ? 'QUOTE_SINGLE' : 'PLAIN',
    singleQuote: isSingle ? true : null
  }).replace(/\n$/, '');
}

function quoted(text: string): string {
  return JSON.stringify(text).replace(
    new RegExp(UNPRINTABLE.source, 'g'),
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  );
}
