import { Graph, layout } from '@dagrejs/dagre';

import type { PipelineStep } from '../api';

export const NODE_WIDTH = 176;
export const NODE_HEIGHT = 62;
const GAP_BETWEEN_RANKS = 44;
const GAP_IN_RANK = 16;
const MARGIN = 8;

export type Point = { x: number; y: number };
/** The left upper corner of a step, in pixels. */
export type PlacedStep = Point & { id: string };
export type PlacedEdge = {
  from: string;
  to: string;
  path: string;
  /** Where a mark on the edge has its middle. */
  middle: Point;
};
export type GraphLayout = {
  width: number;
  height: number;
  /** From left to right, and from top to bottom. */
  nodes: PlacedStep[];
  edges: PlacedEdge[];
};

/** Place the steps of a pipeline from left to right: each step right of those that it needs. */
export function placeSteps(
  steps: readonly Pick<PipelineStep, 'id' | 'needs'>[]
): GraphLayout {
  const graph = new Graph();
  graph.setGraph({
    rankdir: 'LR',
    ranksep: GAP_BETWEEN_RANKS,
    nodesep: GAP_IN_RANK,
    marginx: MARGIN,
    marginy: MARGIN
  });
  graph.setDefaultEdgeLabel(() => ({}));
  // The names in the graph are numbers, because a library may fail on a step with an id such as `__proto__`.
  const names = new Map(steps.map(({ id }, at) => [id, String(at)]));
  for (const name of names.values()) {
    graph.setNode(name, { width: NODE_WIDTH, height: NODE_HEIGHT });
  }
  for (const { id, needs } of steps) {
    for (const need of needs) {
      // A file with mistakes may name steps that are not there.
      if (names.has(need)) {
        graph.setEdge(names.get(need)!, names.get(id)!);
      }
    }
  }
  layout(graph);
  const { width = 0, height = 0 } = graph.graph();
  const nodes = steps.map(({ id }) => {
    const { x, y } = graph.node(names.get(id)!);
    return { id, x: x! - NODE_WIDTH / 2, y: y! - NODE_HEIGHT / 2 };
  });
  const edges = graph.edges().map(edge => {
    const [from, to] = [nodes[Number(edge.v)], nodes[Number(edge.w)]];
    // The bends of a line that goes around other steps. Its ends are in the middle of a side.
    const bends = graph.edge(edge).points?.slice(1, -1) ?? [];
    const isLong = bends.length > 1;
    const start = { x: from.x + NODE_WIDTH, y: from.y + NODE_HEIGHT / 2 };
    const end = { x: to.x, y: to.y + NODE_HEIGHT / 2 };
    const path = curve([start, ...(isLong ? bends : []), end]);
    const middle = isLong
      ? bends[Math.floor(bends.length / 2)]
      : { x: (start.x + end.x) / 2, y: (start.y + end.y) / 2 };
    return { from: from.id, to: to.id, path, middle };
  });
  return {
    width: steps.length ? width : 0,
    height: steps.length ? height : 0,
    nodes: [...nodes].sort((a, b) => a.x - b.x || a.y - b.y),
    edges
  };
}

/** Return the path of a smooth line through `points`, which goes from left to right. */
function curve(points: Point[]): string {
  const [first, ...others] = points;
  let [path, last] = [`M${round(first)}`, first];
  for (const point of others) {
    const middle = (last.x + point.x) / 2;
    path += `C${round({ x: middle, y: last.y })} ${round({ x: middle, y: point.y })} ${round(point)}`;
    last = point;
  }
  return path;
}

function round({ x, y }: Point): string {
  return `${Math.round(x)},${Math.round(y)}`;
}
