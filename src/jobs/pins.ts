import type { TravellingFile } from '../api';

/** Return the patterns of a job after `file`, one of `files`, is pinned to the version or set to be read again. */
export function withPin(
  patterns: string[],
  files: TravellingFile[],
  file: TravellingFile,
  pinned: boolean
): string[] {
  const { pattern, role } = file;
  const others = patterns.filter(other => patternPath(other) !== pattern);
  const exactPatterns = new Set(
    files.map(travellingFile => travellingFile.pattern)
  );
  // A pattern for several files may also match this one; the last pattern counts.
  const isImplied =
    pinned === (role !== 'data') &&
    others.every(other => exactPatterns.has(patternPath(other)));
  return isImplied ? others : [...others, pinned ? pattern : `!${pattern}`];
}

function patternPath(pattern: string): string {
  return pattern.replace(/^!/, '');
}
