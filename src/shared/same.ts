/**
 * Return a value that is equal to `after`, in which every part that is as in `before` is the same object. Components
 * with such parts as props are not drawn again for a change elsewhere.
 *
 * Both are plain data. Items of lists are found again by their `id`, or else by their place.
 */
export function sameWhereEqual<T>(before: unknown, after: T): T {
  return same(before, after) as T;
}

function same(before: unknown, after: unknown): unknown {
  if (!isObject(before) || !isObject(after) || before === after) {
    return after;
  }
  return Array.isArray(before) && Array.isArray(after)
    ? sameList(before, after)
    : Array.isArray(before) || Array.isArray(after)
      ? after
      : sameMembers(before, after);
}

function sameList(before: unknown[], after: unknown[]): unknown[] {
  const byId = new Map(before.map(item => [idOf(item), item]));
  const list = after.map((item, at) => {
    const id = idOf(item);
    return same(id === undefined ? before[at] : byId.get(id), item);
  });
  return list.length === before.length &&
    list.every((item, at) => Object.is(item, before[at]))
    ? before
    : list;
}

function sameMembers(before: Members, after: Members): Members {
  const names = Object.keys(after);
  const old = Object.keys(before);
  const members: Members = Object.create(Object.getPrototypeOf(after));
  let isEqual = names.length === old.length;
  names.forEach((name, at) => {
    const was = memberOf(before, name);
    const value = same(was, memberOf(after, name));
    // A name such as `__proto__` is one like the others.
    Object.defineProperty(members, name, { ...PLAIN, value });
    isEqual &&= old[at] === name && Object.is(value, was);
  });
  return isEqual ? before : members;
}

type Members = { [name: string]: unknown };

const PLAIN = { configurable: true, enumerable: true, writable: true };

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null;
}

/** Return an own member; `__proto__` would name something else. */
function memberOf(object: Members, name: string): unknown {
  return Object.getOwnPropertyDescriptor(object, name)?.value;
}

function idOf(item: unknown): string | undefined {
  const id = isObject(item) ? memberOf(item, 'id') : undefined;
  return typeof id === 'string' ? id : undefined;
}
