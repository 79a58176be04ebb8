/** The parts of an expression in CEL in which names mean nothing: texts and comments. */
const OPAQUE =
  /[rRbB]{0,2}(?:"""[^]*?"""|'''[^]*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|\/\/[^\n]*/y;
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const MEMBER = /\s*\.\s*/y;

/** Return an expression in which `steps.old` or `params.old` is renamed. Texts, and members of other things, stay. */
export function renameIn(
  expression: string,
  root: 'steps' | 'params',
  old: string,
  name: string
): string {
  let [result, at, last] = ['', 0, ''];
  const match = (pattern: RegExp) => {
    pattern.lastIndex = at;
    return pattern.exec(expression)?.[0] ?? '';
  };
  while (at < expression.length) {
    const opaque = match(OPAQUE);
    const word = opaque ? '' : match(NAME);
    const dot = opaque || word ? '' : match(MEMBER);
    const token = opaque || word || dot || expression[at];
    result += word === old && last === `${root}.` ? name : token;
    at += token.length;
    if (dot) {
      last += '.';
    } else if (word) {
      last = last.endsWith('.') ? last + word : word;
    } else if (token.trim()) {
      last = '';
    }
  }
  return result;
}
