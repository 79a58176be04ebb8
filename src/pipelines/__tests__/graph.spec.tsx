import { nullTranslator } from '@jupyterlab/translation';
import { act, fireEvent, render, screen } from '@testing-library/react';
import React from 'react';

import type { PipelineStep } from '../../api';
import { PipelineGraph } from '../components/PipelineGraph';
import { STEPS } from './fixtures';

const trans = nullTranslator.load('dataops_lab');

function draw(onOpen?: (step: PipelineStep) => void) {
  return render(<PipelineGraph steps={STEPS} onOpen={onOpen} trans={trans} />);
}

const node = (name: RegExp) => screen.getByRole('button', { name });

describe('PipelineGraph', () => {
  it('says the state of each step as text with an icon', () => {
    const { container } = draw(() => undefined);
    expect(node(/extract/).textContent).toContain('Succeeded');
    expect(node(/train/).textContent).toContain('12 of 40, 1 failed');
    expect(node(/Publish\?/).textContent).toContain('Awaiting approval');
    const states = container.querySelectorAll('.dl-State');
    expect(states).toHaveLength(4);
    states.forEach(state => expect(state.querySelector('svg')).not.toBeNull());
  });

  it('says why a step was skipped', () => {
    draw(() => undefined);
    const skipped = node(/clean/);
    expect(skipped.textContent).toContain('Its condition does not hold.');
    expect(skipped.title).toContain('steps.extract.values.rows > 0');
  });

  it('has one tab stop, and the arrow keys go from step to step', () => {
    draw(() => undefined);
    const nodes = screen.getAllByRole('button');
    expect(nodes.filter(each => each.tabIndex === 0)).toEqual([nodes[0]]);
    act(() => nodes[0].focus());
    fireEvent.keyDown(nodes[0], { key: 'ArrowRight' });
    expect(document.activeElement).toBe(nodes[1]);
    fireEvent.keyDown(nodes[1], { key: 'End' });
    expect(document.activeElement).toBe(nodes[3]);
    fireEvent.keyDown(nodes[3], { key: 'ArrowRight' });
    expect(document.activeElement).toBe(nodes[3]);
    fireEvent.keyDown(nodes[3], { key: 'Home' });
    expect(document.activeElement).toBe(nodes[0]);
    expect(nodes[0].tabIndex).toBe(0);
  });

  it('opens the step on which Enter is pressed', () => {
    const opened: string[] = [];
    draw(step => opened.push(step.id));
    // A native button makes a click of Enter.
    fireEvent.click(node(/extract/));
    expect(opened).toEqual(['extract']);
  });

  it('has nothing to press where it only shows what will run', () => {
    draw();
    expect(screen.queryAllByRole('button')).toEqual([]);
    expect(screen.getByRole('group').textContent).toContain('extract');
  });
});
