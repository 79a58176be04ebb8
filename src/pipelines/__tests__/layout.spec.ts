import { NODE_HEIGHT, NODE_WIDTH, placeSteps } from '../layout';
import { STEPS } from './fixtures';

describe('placeSteps', () => {
  it('places each step right of those that it needs', () => {
    const { nodes, edges } = placeSteps(STEPS);
    const left = new Map(nodes.map(node => [node.id, node.x]));
    expect(edges).toHaveLength(3);
    for (const { from, to } of edges) {
      expect(left.get(to)).toBeGreaterThan(left.get(from)! + NODE_WIDTH);
    }
    expect(nodes[0].id).toBe('extract');
  });

  it('lets no step cover another, and none lie outside', () => {
    const steps = Array.from({ length: 200 }, (_, at) => ({
      id: `s${at}`,
      needs: at < 10 ? [] : [`s${at - 10}`, `s${Math.floor(at / 2)}`]
    }));
    const { nodes, width, height } = placeSteps(steps);
    expect(nodes).toHaveLength(200);
    nodes.forEach((node, at) => {
      expect(node.x).toBeGreaterThanOrEqual(0);
      expect(node.y).toBeGreaterThanOrEqual(0);
      expect(node.x + NODE_WIDTH).toBeLessThanOrEqual(width);
      expect(node.y + NODE_HEIGHT).toBeLessThanOrEqual(height);
      for (const other of nodes.slice(at + 1)) {
        const apart =
          Math.abs(node.x - other.x) >= NODE_WIDTH ||
          Math.abs(node.y - other.y) >= NODE_HEIGHT;
        expect(apart).toBe(true);
      }
    });
  });

  it('draws a file with mistakes: a need that is not there, a circle, no step at all', () => {
    expect(placeSteps([{ id: 'a', needs: ['gone'] }]).edges).toEqual([]);
    const circle = placeSteps([
      { id: 'a', needs: ['b', 'a'] },
      { id: 'b', needs: ['a'] }
    ]);
    expect(circle.nodes).toHaveLength(2);
    expect(placeSteps([])).toMatchObject({ width: 0, height: 0, nodes: [] });
  });

  it('takes ids that every object has as names of its own', () => {
    const { nodes, edges } = placeSteps([
      { id: '__proto__', needs: [] },
      { id: 'constructor', needs: ['__proto__'] }
    ]);
    expect(nodes).toHaveLength(2);
    expect(edges).toHaveLength(1);
  });
});
