import { isSeq } from 'yaml';

import { Need } from './graph';
import { nodeAt, readYaml, YamlNode, YamlText } from './yaml12';

/**
 * The mark of edges that nobody has confirmed: the comment `# guessed` behind an item, or behind a list on one line
 * for all of it. `# guessed: clean, train` is for these alone.
 */
const MARK =
  /^[ \t]*#[ \t]*guessed(?:[ \t]*:[ \t]*([^\r\n]*?))?[ \t]*(?=\r?\n|$)/;
const END_OF_LINE = /^[ \t]*(?=\r?\n|$)/;

/** A part of a text, and what stands there afterwards. */
type Change = { start: number; end: number; text: string };

/** Return the edges of a pipeline's text that are guesses. */
export function guessesIn(source: string): Need[] {
  const read = readYaml(source);
  const { steps } = (read.value ?? {}) as { steps?: object };
  return Object.keys(steps ?? {}).flatMap(to =>
    guessesOf(read, to).map(from => ({ from, to }))
  );
}

/** Mark these edges as guesses. */
export function markGuesses(source: string, needs: readonly Need[]): string {
  return needs.reduce((text, { from, to }) => {
    const guesses = new Set(guessesOf(readYaml(text), to)).add(from);
    return setGuesses(text, to, guesses);
  }, source);
}

/** Take the mark from an edge, and from the files that go along it. */
export function confirmGuess(source: string, { from, to }: Need): string {
  const guesses = new Set(guessesOf(readYaml(source), to));
  guesses.delete(from);
  return setGuesses(source, to, guesses);
}

function guessesOf(read: YamlText, to: string): string[] {
  const { list, items } = needsOf(read, to);
  const mark = list && markBehind(read.text, list);
  if (mark) {
    const named = mark[1]?.split(/[ ,]+/);
    return items
      .map(item => nameOf(item))
      .filter(name => !named || named.includes(name));
  }
  return items.filter(item => markBehind(read.text, item)).map(nameOf);
}

/** Let exactly these needs of a step be marked. A line that ends with another comment stays as it is. */
function setGuesses(
  source: string,
  to: string,
  guesses: ReadonlySet<string>
): string {
  const read = readYaml(source);
  const { list, items } = needsOf(read, to);
  const names = items.map(nameOf).filter(name => guesses.has(name));
  const isAll = names.length === items.length;
  const changes: (Change | null)[] = list
    ? [
        change(
          source,
          list,
          isAll ? '' : `: ${names.join(', ')}`,
          names.length > 0
        )
      ]
    : items.map(item => change(source, item, '', guesses.has(nameOf(item))));
  for (const file of itemsOf(nodeAt(read.root, ['steps', to, 'files']))) {
    const giver = nodeAt(file, ['from']);
    if (giver && !guesses.has(nameOf(giver)) && markBehind(source, file)) {
      changes.push(change(source, file, '', false));
    }
  }
  return changes
    .filter((each): each is Change => each !== null)
    .sort((a, b) => b.start - a.start)
    .reduce(
      (text, { start, end, text: written }) =>
        text.slice(0, start) + written + text.slice(end),
      source
    );
}

function change(
  source: string,
  node: YamlNode,
  names: string,
  isMarked: boolean
): Change | null {
  const start = node.range[1];
  const behind =
    markBehind(source, node) ?? END_OF_LINE.exec(source.slice(start));
  const text = isMarked ? `  # guessed${names}` : '';
  return behind && { start, end: start + behind[0].length, text };
}

function markBehind(source: string, node: YamlNode): RegExpExecArray | null {
  return MARK.exec(source.slice(node.range[1]));
}

/** Return the needs of a step, and their list when it stands on one line. */
function needsOf(
  read: YamlText,
  to: string
): { list: YamlNode | null; items: YamlNode[] } {
  const needs = nodeAt(read.root, ['steps', to, 'needs']);
  const isInline = isSeq(needs) && Boolean(needs.flow);
  return { list: isInline ? (needs as YamlNode) : null, items: itemsOf(needs) };
}

function itemsOf(node: YamlNode | undefined): YamlNode[] {
  return isSeq(node) ? (node.items as YamlNode[]) : [];
}

function nameOf(node: YamlNode): string {
  return String((node as { value?: unknown }).value);
}
