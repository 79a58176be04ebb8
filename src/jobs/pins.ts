import type { TravellingFile } from '../api';

/** The patterns of a job once `file`, one of `files`, is pinned to the version, or taken fresh. */
export function withPin(
  patterns: string[],
  files: TravellingFile[],
  file: TravellingFile,
  pinned: boolean
): string[] {
  const { pattern, role } = file;
  const others = patterns.filter(each => nameIn(each) !== pattern);
  const single = new Set(files.map(each => each.pattern));
  // Patterns for several files may speak of this one too: the last one counts.
  const needsNone =
    pinned === (role !== 'data') &&
    others.every(each => single.has(nameIn(each)));
  return needsNone ? others : [...others, pinned ? pattern : `!${pattern}`];
}

function nameIn(pattern: string): string {
  return pattern.replace(/^!/, '');
}
