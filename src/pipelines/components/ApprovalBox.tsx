import { TranslationBundle } from '@jupyterlab/translation';
import React, { useState } from 'react';

import type { Decision, PipelineStep } from '../../api';
import { useAction } from '../../shared/action';
import { Field } from '../../shared/components/Field';
import { Message } from '../../shared/components/Message';
import { RelativeTime } from '../../shared/components/Times';
import { approvalIcon } from '../../shared/icons';
import { nameOf } from '../steps';

const MOST_CHARACTERS = 2000;

/** A step that awaits a decision: the question, the records to look at before, and the two answers. */
export function ApprovalBox(props: {
  step: PipelineStep;
  /** The steps that it needs, whose records a person looks at before the answer. */
  needed: PipelineStep[];
  onOpen: (step: PipelineStep) => void;
  /** Draw what a step left, in short. */
  drawResult: (step: PipelineStep) => React.ReactNode;
  onDecide: (decision: Decision) => Promise<void>;
  trans: TranslationBundle;
}): JSX.Element {
  const { step, needed, trans } = props;
  const { ask, who, may_decide: mayDecide } = step.approval!;
  const [comment, setComment] = useState('');
  const { busy, problem, act } = useAction();
  const decide = (approved: boolean) =>
    void act(() => props.onDecide({ approved, comment: comment.trim() }));
  const headingId = `dl-approval-${step.id}`;
  return (
    <section className="dl-Approval" aria-labelledby={headingId}>
      <h2 id={headingId}>
        <approvalIcon.react tag="span" className="dl-Approval-icon" />
        {ask}
      </h2>
      <p className="dl-mod-quiet">
        {who.length
          ? trans.__('For %1', who.join(', '))
          : trans.__('For everybody who may run here')}
        {step.due_at && (
          <>
            {' · '}
            {trans.__('expires')}{' '}
            <RelativeTime instant={step.due_at} trans={trans} />
          </>
        )}
      </p>
      {needed.map(before => (
        <div key={before.id} className="dl-Approval-before">
          <button
            type="button"
            className="dl-Button"
            onClick={() => props.onOpen(before)}
          >
            {trans.__('Look at %1', nameOf(before))}
          </button>
          {props.drawResult(before)}
        </div>
      ))}
      {mayDecide ? (
        <>
          <Field
            id={`dl-approval-comment-${step.id}`}
            label={trans.__('Comment')}
          >
            {attributes => (
              <textarea
                {...attributes}
                className="jp-mod-styled"
                rows={2}
                maxLength={MOST_CHARACTERS}
                value={comment}
                disabled={busy}
                onChange={event => setComment(event.target.value)}
              />
            )}
          </Field>
          {problem && <Message kind="error" title={problem.message} />}
          <p className="dl-Buttons">
            <button
              type="button"
              className="jp-mod-styled jp-mod-accept"
              disabled={busy}
              onClick={() => decide(true)}
            >
              {trans.__('Approve')}
            </button>
            <button
              type="button"
              className="jp-mod-styled jp-mod-reject"
              disabled={busy}
              onClick={() => decide(false)}
            >
              {trans.__('Reject')}
            </button>
          </p>
        </>
      ) : (
        <p className="dl-mod-quiet">
          {trans.__('You may look at the records, but not decide.')}
        </p>
      )}
    </section>
  );
}
