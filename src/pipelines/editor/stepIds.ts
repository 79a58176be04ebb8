import { PathExt } from '@jupyterlab/coreutils';

const LONGEST = 60;
/** Words of the language of expressions: no expression could name such a step. */
const UNSAYABLE = ['in', 'true', 'false', 'null'];
const ID = /^[a-z_][a-z0-9_]*$/;

/** Tell whether a text can be the id of a step. */
export function isStepId(text: string): boolean {
  return ID.test(text) && text.length <= LONGEST && !UNSAYABLE.includes(text);
}

/** Return the id for a step of a file: its name without the numbers that only say the order. */
export function stepIdOf(path: string): string {
  const stem = PathExt.basename(path).replace(/\.[^.]*$/, '');
  const words = stem
    .normalize('NFKD')
    .replace(/[^\x00-\x7f]/g, '') // eslint-disable-line no-control-regex
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '');
  const name = words.replace(/^[0-9_]+/, '') || (words && `step_${words}`);
  return UNSAYABLE.includes(name)
    ? `${name}_`
    : (name || 'step').slice(0, LONGEST);
}

/** Return the id, with a number when it is taken. */
export function freeStepId(id: string, taken: readonly string[]): string {
  let free = id;
  for (let number = 2; taken.includes(free); number++) {
    free = `${id.slice(0, LONGEST - 4)}_${number}`;
  }
  return free;
}
