import type { TravellingFile } from '../api';

/** Return the patterns of a job after `file`, one of `files`, is pinned to the version or set to be read again. */
export function withPin(
  patterns: string[],
  files: TravellingFile[],
  file: TravellingFile,
  pinned: boolean
): string[] {
  const { pattern, role } = file;
  const others = patterns.filter(each => nameIn(each) !== pattern);
  const single = new Set(files.map(each => each.pattern));
  // A pattern for several files may also match this one; the last pattern counts.
  const needsNone =
    pinned === (role !== 'data') &&
    others.every(each => single.has(nameIn(each)));
  return needsNone ? others : [...others, pinned ? pattern : `!${pattern}`];
}

function nameIn(pattern: string): string {
  return pattern.replace(/^!/, '');
}
