import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { StepKind, StepState } from '../../api';
import { KindIcon } from '../../shared/components/KindIcon';
import { phaseAppearance } from '../../shared/phases';
import { NODE_HEIGHT, NODE_WIDTH, Point } from '../layout';

/** A step as a box of a graph: its kind and its name, and what is given below them. */
export function StepNode(props: {
  id: string;
  kind: StepKind;
  name: string;
  state?: StepState;
  isFanOut: boolean;
  /** Whether it can be pressed and reached with the keys; otherwise it is only shown. */
  isButton: boolean;
  isSelected?: boolean;
  /** Whether something that is dragged would be dropped on it. */
  isDropTarget?: boolean;
  /** The left upper corner in the graph. Without it the box lies where its parent lies. */
  place?: Point;
  /** Shown when somebody points at it. */
  hint: string;
  isTabStop: boolean;
  onFocus: () => void;
  onClick?: () => void;
  children: React.ReactNode;
  trans: TranslationBundle;
}): JSX.Element {
  const { kind, name, state, place, isButton, trans } = props;
  const Element = isButton ? 'button' : 'div';
  return (
    <Element
      type={isButton ? 'button' : undefined}
      className="dl-Node"
      data-step={props.id}
      data-state={state}
      data-tone={state && phaseAppearance(state).tone}
      data-fan-out={props.isFanOut || undefined}
      aria-pressed={props.isSelected}
      data-drop-target={props.isDropTarget || undefined}
      style={{
        left: place?.x,
        top: place?.y,
        width: NODE_WIDTH,
        height: NODE_HEIGHT
      }}
      title={props.hint}
      tabIndex={isButton ? (props.isTabStop ? 0 : -1) : undefined}
      onFocus={props.onFocus}
      onClick={props.onClick}
    >
      <span className="dl-Node-name">
        <KindIcon kind={kind} trans={trans} />
        <span className="dl-Node-text">{name}</span>
      </span>
      {props.children}
    </Element>
  );
}

/** Move the focus with the arrow keys between the boxes of a graph, which are in the order in which people read. */
export function moveFocus(event: React.KeyboardEvent<HTMLElement>): void {
  const nodes = [
    ...event.currentTarget.querySelectorAll<HTMLElement>('button.dl-Node')
  ];
  const current = nodes.findIndex(node => node === event.target);
  const last = nodes.length - 1;
  const target = {
    ArrowLeft: current - 1,
    ArrowUp: current - 1,
    ArrowRight: current + 1,
    ArrowDown: current + 1,
    Home: 0,
    End: last
  }[event.key];
  if (current >= 0 && target !== undefined) {
    event.preventDefault();
    nodes[Math.min(Math.max(target, 0), last)].focus();
  }
}
