import { TranslationBundle } from '@jupyterlab/translation';
import { Panel, useConnection } from '@xyflow/react';
import React from 'react';

import type { DraggedFiles } from './drop';
import type { Need } from './graph';

/** Lines over the canvas: what will happen when somebody drops what they drag, or why nothing will. */
export function CanvasHints(props: {
  dragged: DraggedFiles | null;
  /** Shown while nothing is dragged. */
  children: React.ReactNode;
  /** Return why an edge cannot be drawn, or null when it can. */
  refuse: (need: Need) => string | null;
  trans: TranslationBundle;
}): JSX.Element {
  const { dragged, refuse, trans } = props;
  const need = useConnection<never, Need | null>(
    ({ inProgress, fromHandle, fromNode, toNode }) => {
      if (!inProgress || !toNode) {
        return null;
      }
      return fromHandle.type === 'source'
        ? { from: fromNode.id, to: toNode.id }
        : { from: toNode.id, to: fromNode.id };
    }
  );
  const lines = dragged
    ? linesOfFiles(dragged, trans)
    : [
        need &&
          (refuse(need) ?? trans.__('%1 will need %2.', need.to, need.from))
      ];
  const shown = lines.filter(Boolean);
  return (
    <Panel position="top-center" className="dl-CanvasHints" role="status">
      {shown.length
        ? shown.map(line => <div key={line}>{line}</div>)
        : props.children}
    </Panel>
  );
}

const MOST_REFUSALS = 3;

function linesOfFiles(
  { accepted, refusals, onto, between }: DraggedFiles,
  trans: TranslationBundle
): (string | null)[] {
  const count = accepted.length;
  const added = onto
    ? trans._n(
        'Add %1 step that needs %2.',
        'Add %1 steps that need %2.',
        count,
        onto
      )
    : between
      ? trans._n(
          'Add %1 step between %2 and %3.',
          'Add %1 steps between %2 and %3.',
          count,
          between.from,
          between.to
        )
      : trans._n('Add %1 step.', 'Add %1 steps.', count);
  return [count ? added : null, ...new Set(refusals.slice(0, MOST_REFUSALS))];
}
