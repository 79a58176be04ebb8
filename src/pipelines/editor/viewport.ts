import { GraphLayout, NODE_HEIGHT, NODE_WIDTH, Point } from '../layout';

export type Size = { width: number; height: number };
/** Where the graph's left upper corner is drawn in the canvas, and how large the graph is drawn. */
export type Viewport = Point & { zoom: number };

/** People read a smaller graph with difficulty. */
const SMALLEST_READABLE = 0.7;
const MARGIN = 16;

/** Return a view of all steps, or, where they are too many to be read, of a step or of the first ones. */
export function viewOf(
  graph: GraphLayout,
  canvas: Size,
  step?: Point
): Viewport {
  if (step && !isReadable(graph, canvas)) {
    return centredOn(step, canvas, SMALLEST_READABLE);
  }
  const readable = Math.max(zoomOfAll(graph, canvas), SMALLEST_READABLE);
  const before = (room: number, length: number) =>
    Math.max(MARGIN, (room - length * readable) / 2);
  return {
    x: before(canvas.width, graph.width),
    y: before(canvas.height, graph.height),
    zoom: readable
  };
}

/** Tell whether all steps can be in view and be read. */
export function isReadable(graph: GraphLayout, canvas: Size): boolean {
  return zoomOfAll(graph, canvas) >= SMALLEST_READABLE;
}

function zoomOfAll(graph: GraphLayout, canvas: Size): number {
  return Math.min(
    1,
    (canvas.width - 2 * MARGIN) / graph.width,
    (canvas.height - 2 * MARGIN) / graph.height
  );
}

export function centredOn(step: Point, canvas: Size, zoom: number): Viewport {
  return {
    x: canvas.width / 2 - (step.x + NODE_WIDTH / 2) * zoom,
    y: canvas.height / 2 - (step.y + NODE_HEIGHT / 2) * zoom,
    zoom
  };
}

/** Tell whether all of a step is in view. */
export function isInView(step: Point, canvas: Size, view: Viewport): boolean {
  const left = step.x * view.zoom + view.x;
  const top = step.y * view.zoom + view.y;
  return (
    left >= 0 &&
    top >= 0 &&
    left + NODE_WIDTH * view.zoom <= canvas.width &&
    top + NODE_HEIGHT * view.zoom <= canvas.height
  );
}
