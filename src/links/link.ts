/** The thing that a link opens. */
export type Link = { kind: 'run' | 'schedule'; id: string };

const KINDS = ['run', 'schedule'] as const;
const ID = /^[0-9A-Za-z]{6,26}$/;

/** Return the link in the query of an address; null when there is none. Anybody can write such an address. */
export function linkOf(search: string): Link | null {
  const query = new URLSearchParams(search);
  for (const kind of KINDS) {
    const id = query.get(`dataops-${kind}`);
    if (id && ID.test(id)) {
      return { kind, id };
    }
  }
  return null;
}

/** Return the query without the link. */
export function withoutLink(search: string): string {
  const query = new URLSearchParams(search);
  KINDS.forEach(kind => query.delete(`dataops-${kind}`));
  const rest = query.toString();
  return rest && `?${rest}`;
}
