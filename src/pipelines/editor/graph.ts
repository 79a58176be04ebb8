import { TranslationBundle } from '@jupyterlab/translation';

/** An edge of the graph: the step `to` needs the step `from`. */
export type Need = { readonly from: string; readonly to: string };

/** Name an edge by one text that no other edge has. */
export function edgeKey({ from, to }: Need): string {
  return JSON.stringify([from, to]);
}

/** Return the edge that `edgeKey` named so. */
export function edgeOfKey(key: string): Need {
  const [from, to] = JSON.parse(key);
  return { from, to };
}

/** Return why a step cannot need another one, or null when it can. `without` is an edge that goes away. */
export function refusalOfNeed(
  need: Need,
  edges: readonly Need[],
  trans: TranslationBundle,
  without?: Need
): string | null {
  const { from, to } = need;
  if (from === to) {
    return trans.__('A step cannot need itself.');
  }
  const others = edges.filter(
    edge => !without || edgeKey(edge) !== edgeKey(without)
  );
  if (others.some(edge => edgeKey(edge) === edgeKey(need))) {
    return trans.__('%1 needs %2 already.', to, from);
  }
  const way = findWay(to, from, others);
  return (
    way &&
    trans.__('They would wait for one another: %1.', [...way, to].join(' → '))
  );
}

/** Return the steps on the shortest way along the edges, or null when there is none. */
function findWay(
  start: string,
  end: string,
  edges: readonly Need[]
): string[] | null {
  const before = new Map<string, string | null>([[start, null]]);
  for (const step of before.keys()) {
    if (step === end) {
      const way = [];
      for (let at: string | null = end; at !== null; at = before.get(at)!) {
        way.unshift(at);
      }
      return way;
    }
    for (const { from, to } of edges) {
      if (from === step && !before.has(to)) {
        before.set(to, step);
      }
    }
  }
  return null;
}
