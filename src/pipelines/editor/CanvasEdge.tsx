import { TranslationBundle } from '@jupyterlab/translation';
import { BaseEdge, Edge, EdgeLabelRenderer, EdgeProps } from '@xyflow/react';
import React from 'react';

import type { PlacedEdge } from '../layout';
import type { Need } from './graph';

export type EdgeOfCanvas = Edge<
  Pick<PlacedEdge, 'path' | 'middle'> & {
    isGuessed: boolean;
    isDropTarget: boolean;
    /** True when the guess can only be looked at. */
    isFixed: boolean;
    onConfirm: (guess: Need) => void;
    trans: TranslationBundle;
  },
  'need'
>;

/** An edge of the canvas. A guess is dashed, with a button that confirms it. */
export const CanvasEdge = React.memo(function CanvasEdge(
  props: EdgeProps<EdgeOfCanvas>
): JSX.Element {
  const { id, source, target } = props;
  const { path, middle, isGuessed, trans } = props.data!;
  const question = trans.__(
    '%1 seems to read what %2 writes. Confirm that it needs it.',
    target,
    source
  );
  return (
    <>
      <BaseEdge
        id={id}
        path={path}
        interactionWidth={16}
        className="dl-CanvasEdge"
        data-guessed={isGuessed || undefined}
        data-drop-target={props.data!.isDropTarget || undefined}
      />
      {isGuessed && (
        <EdgeLabelRenderer>
          <button
            type="button"
            className="dl-CanvasEdge-guess nodrag nopan"
            data-id={id}
            style={{ left: middle.x, top: middle.y }}
            title={question}
            aria-label={question}
            disabled={props.data!.isFixed}
            onClick={() => props.data!.onConfirm({ from: source, to: target })}
          >
            ?
          </button>
        </EdgeLabelRenderer>
      )}
    </>
  );
});
