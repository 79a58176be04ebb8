import { NODE_HEIGHT, NODE_WIDTH, placeSteps } from '../../layout';
import { centredOn, isInView, viewOf } from '../viewport';

const CANVAS = { width: 900, height: 600 };

/** Place a chain of steps. */
function chain(length: number) {
  return placeSteps(
    Array.from({ length }, (_, at) => ({
      id: `s${at}`,
      needs: at ? [`s${at - 1}`] : []
    }))
  );
}

describe('viewOf', () => {
  it('shows a small graph in the middle, in its own size', () => {
    const graph = chain(2);
    const view = viewOf(graph, CANVAS);
    expect(view.zoom).toBe(1);
    expect(2 * view.x + graph.width).toBeCloseTo(CANVAS.width);
    expect(2 * view.y + graph.height).toBeCloseTo(CANVAS.height);
  });

  it('shows all steps of a larger graph as long as they can be read', () => {
    const graph = chain(5);
    const view = viewOf(graph, CANVAS);
    expect(view.zoom).toBeLessThan(1);
    expect(graph.nodes.every(node => isInView(node, CANVAS, view))).toBe(true);
  });

  it('shows the first steps of a graph that is too long to be read', () => {
    const graph = chain(40);
    const view = viewOf(graph, CANVAS);
    expect(isInView(graph.nodes[0], CANVAS, view)).toBe(true);
    expect(isInView(graph.nodes[39], CANVAS, view)).toBe(false);
  });

  it('shows the step that is asked for instead', () => {
    const graph = chain(40);
    const view = viewOf(graph, CANVAS, graph.nodes[30]);
    expect(isInView(graph.nodes[30], CANVAS, view)).toBe(true);
  });
});

describe('centredOn', () => {
  it('puts the middle of the step into the middle of the canvas', () => {
    const view = centredOn({ x: 100, y: 50 }, CANVAS, 0.5);
    expect((100 + NODE_WIDTH / 2) * view.zoom + view.x).toBe(450);
    expect((50 + NODE_HEIGHT / 2) * view.zoom + view.y).toBe(300);
  });
});

describe('isInView', () => {
  it('is false for a step of which a part is outside', () => {
    const view = { x: 0, y: 0, zoom: 1 };
    const most = { x: CANVAS.width - NODE_WIDTH, y: 0 };
    expect(isInView(most, CANVAS, view)).toBe(true);
    expect(isInView({ ...most, x: most.x + 1 }, CANVAS, view)).toBe(false);
    expect(isInView({ x: 0, y: 0 }, CANVAS, { ...view, y: -1 })).toBe(false);
  });
});
