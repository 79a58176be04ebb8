import { TranslationBundle } from '@jupyterlab/translation';
import { Handle, Node, NodeProps, Position } from '@xyflow/react';
import React from 'react';

import { disabledIcon, failedIcon } from '../../shared/icons';
import { StepNode } from '../components/StepNode';
import type { EditedStep, EditorProblem } from './document';

export type StepOfCanvas = Node<
  {
    step: EditedStep;
    problems: readonly EditorProblem[];
    isTabStop: boolean;
    isDropTarget: boolean;
    onFocus: (step: string) => void;
    trans: TranslationBundle;
  },
  'step'
>;

/** A step on the canvas: its name, what decides whether it runs, and the dots from which edges are drawn. */
export const CanvasNode = React.memo(function CanvasNode(
  props: NodeProps<StepOfCanvas>
): JSX.Element {
  const { isConnectable } = props;
  const { step, problems, trans } = props.data;
  const { id, kind, title } = step;
  const hints = [
    title && id,
    step.path,
    step.condition && trans.__('if %1', step.condition),
    ...problems.map(problem => problem.message)
  ];
  return (
    <>
      <Handle
        type="target"
        position={Position.Left}
        isConnectable={isConnectable}
      />
      <StepNode
        id={id}
        kind={kind}
        name={title || id}
        state={step.disabled ? 'disabled' : undefined}
        isFanOut={step.for_each}
        isButton
        isSelected={props.selected}
        isDropTarget={props.data.isDropTarget}
        hint={hints.filter(Boolean).join('\n')}
        isTabStop={props.data.isTabStop}
        onFocus={() => props.data.onFocus(id)}
        trans={trans}
      >
        <span className="dl-Node-caption">{captionOf(step)}</span>
        <span className="dl-Node-badges">
          {problems.length > 0 && (
            <span className="dl-Badge" data-tone="bad">
              <failedIcon.react tag="span" aria-hidden />
              {trans._n('%1 problem', '%1 problems', problems.length)}
            </span>
          )}
          {step.disabled && (
            <span className="dl-Badge">
              <disabledIcon.react tag="span" aria-hidden />
              {trans.__('Disabled')}
            </span>
          )}
          {step.for_each && (
            <span className="dl-Badge">{trans.__('× for each')}</span>
          )}
          {step.condition !== null && (
            <span className="dl-Badge">{trans.__('if')}</span>
          )}
          {step.run_if !== 'all_success' && (
            // The words of the file, as people read them.
            <span className="dl-Badge">{step.run_if.replace(/_/g, ' ')}</span>
          )}
        </span>
      </StepNode>
      <Handle
        type="source"
        position={Position.Right}
        isConnectable={isConnectable}
      />
    </>
  );
});

/** Return the id of a step that has a title, and what it runs or asks. */
function captionOf({ id, title, path, command, value }: EditedStep): string {
  const { ask } = (value.approve ?? {}) as { ask?: unknown };
  const content = path || command.join(' ') || ask;
  return [title && id, content].filter(Boolean).join(' · ');
}
