import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { RunSummary } from '../../api';
import { KindIcon } from '../../shared/components/KindIcon';
import { RunProgress } from '../../shared/components/RunProgress';
import { StateLabel } from '../../shared/components/StateLabel';
import { RelativeTime, RunDuration } from '../../shared/components/Times';
import { isTerminal } from '../../shared/runs';

/** A run in the sidebar: two narrow lines. */
export function RunRow(props: {
  run: RunSummary;
  index: number;
  measure: (node: Element | null) => void;
  onOpen: (run: RunSummary) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { run, trans } = props;
  return (
    <li ref={props.measure} className="dl-RunRow" data-index={props.index}>
      <button
        className="dl-RunRow-open"
        title={run.job.path}
        onClick={() => props.onOpen(run)}
      >
        <span className="dl-RunRow-name">
          {run.kind !== 'notebook' && (
            <KindIcon kind={run.kind} trans={trans} />
          )}
          {run.job.name}
        </span>
        <StateLabel run={run} trans={trans} />
        <span className="dl-RunRow-details">
          {run.state === 'active' ? (
            <RunProgress run={run} trans={trans} />
          ) : (
            <RelativeTime
              instant={run.finished_at ?? run.created_at}
              trans={trans}
            />
          )}
          <RunDuration run={run} />
        </span>
        {!isTerminal(run) && run.reason && (
          <span className="dl-RunRow-reason">{run.reason.message}</span>
        )}
      </button>
    </li>
  );
}
