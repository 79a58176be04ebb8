import { TranslationBundle } from '@jupyterlab/translation';
import React, { useState } from 'react';

import type { OpenApproval } from '../../api';
import { useNow } from '../../shared/clock';
import { RelativeTime } from '../../shared/components/Times';
import { approvalIcon, queuedIcon } from '../../shared/icons';
import type { ApprovalsState } from '../approvalsModel';

const MOST_ROWS = 7;
const SOON_MS = 60 * 60 * 1000;

/** The section of the sidebar with the approvals that wait for a person. It is not there when none waits. */
export function Approvals(props: {
  state: ApprovalsState;
  onOpen: (run: string) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { trans } = props;
  const { mine, others } = props.state;
  return (
    <>
      <p className="dl-mod-hidden" role="status">
        {mine.length > 0 &&
          trans._n(
            '%1 decision waits for you',
            '%1 decisions wait for you',
            mine.length
          )}
      </p>
      {mine.length > 0 && (
        <section aria-labelledby="dl-sidebar-approvals">
          <h2 id="dl-sidebar-approvals">
            {trans.__('Waits for you')}
            <span className="dl-Count">{mine.length}</span>
          </h2>
          <List {...props} items={mine} />
        </section>
      )}
      {others.length > 0 && (
        <section aria-labelledby="dl-sidebar-asked">
          <h2 id="dl-sidebar-asked">
            {trans.__('You wait for others')}
            <span className="dl-Count">{others.length}</span>
          </h2>
          <List {...props} items={others} />
        </section>
      )}
    </>
  );
}

function List(props: {
  items: readonly OpenApproval[];
  onOpen: (run: string) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { items, trans } = props;
  const [isUnfolded, setUnfolded] = useState(false);
  const shown = isUnfolded ? items : items.slice(0, MOST_ROWS);
  return (
    <>
      <ul className="dl-RunList">
        {shown.map(approval => (
          <Row
            key={`${approval.run.id} ${approval.step}`}
            {...props}
            approval={approval}
          />
        ))}
      </ul>
      {items.length > MOST_ROWS && (
        <button
          className="dl-Button dl-mod-link"
          aria-expanded={isUnfolded}
          onClick={() => setUnfolded(!isUnfolded)}
        >
          {isUnfolded
            ? trans.__('Show fewer')
            : trans.__('All %1 →', items.length)}
        </button>
      )}
    </>
  );
}

function Row(props: {
  approval: OpenApproval;
  onOpen: (run: string) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { approval, onOpen, trans } = props;
  const { run, before, who, may_decide: mayDecide } = approval;
  return (
    <li className="dl-RunRow dl-ApprovalRow">
      <button
        className="dl-RunRow-open"
        title={run.job.path}
        onClick={() => onOpen(run.id)}
      >
        <span className="dl-RunRow-name">
          <approvalIcon.react tag="span" className="dl-KindIcon" />
          {approval.ask}
        </span>
        <span className="dl-RunRow-details">
          <span>{run.job.name}</span>
          <RelativeTime instant={approval.asked_at} trans={trans} />
        </span>
        {!mayDecide && (
          <span className="dl-RunRow-reason">
            {who.length
              ? trans.__('For %1', who.join(', '))
              : trans.__('For those who may run there')}
          </span>
        )}
        {approval.due_at && <Due dueAt={approval.due_at} trans={trans} />}
      </button>
      {before.map(step => (
        <button
          key={step.id}
          className="dl-Button dl-mod-link"
          onClick={() => onOpen(step.run_id)}
        >
          {trans.__('Look at %1', step.title || step.id)}
        </button>
      ))}
    </li>
  );
}

/** The time at which an approval expires, marked when that is soon. */
function Due(props: { dueAt: string; trans: TranslationBundle }): JSX.Element {
  const { dueAt, trans } = props;
  const isSoon = Date.parse(dueAt) - useNow() < SOON_MS;
  return (
    <span className="dl-RunRow-reason" data-soon={isSoon || undefined}>
      {isSoon && <queuedIcon.react tag="span" className="dl-KindIcon" />}
      {isSoon ? trans.__('expires soon:') : trans.__('expires')}{' '}
      <RelativeTime instant={dueAt} trans={trans} />
    </span>
  );
}
