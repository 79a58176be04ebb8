import { TranslationBundle } from '@jupyterlab/translation';
import React, { useRef, useState } from 'react';

import type { Decision, PipelineStep, Progress, Run } from '../../api';
import { useNow } from '../../shared/clock';
import { Tabs } from '../../shared/components/Tabs';
import { Trouble } from '../../shared/components/Trouble';
import { formatAbout } from '../../shared/format';
import { isTerminal } from '../../shared/runs';
import { remainingSeconds } from '../forecast';
import type { StepsState } from '../model';
import { hasEnded } from '../steps';
import { ApprovalBox } from './ApprovalBox';
import { PipelineGraph } from './PipelineGraph';
import { StepList } from './StepList';
import { Timeline } from './Timeline';

type View = 'graph' | 'timeline';

/** The steps of a pipeline run: the decisions that it waits for, the graph or the time line, and the list. */
export function Steps(props: {
  run: Run;
  state: StepsState;
  /** Return the progress of a step that works. */
  progressOf: (step: PipelineStep) => Progress | undefined;
  onOpen: (run: string) => void;
  onDecide: (step: string, decision: Decision) => Promise<void>;
  onRetry: () => void;
  /** Open a step with its inputs. */
  onReproduce: (step: string) => void;
  /** Draw the items of a fan-out. */
  drawItems: (step: PipelineStep) => React.ReactNode;
  /** Draw what a step left, in short. */
  drawResult: (step: PipelineStep) => React.ReactNode;
  trans: TranslationBundle;
}): JSX.Element {
  const { run, state, trans } = props;
  const [unfolded, setUnfolded] = useState<string | null>(null);
  const [view, setView] = useState<View>('graph');
  const list = useRef<HTMLDivElement>(null);
  const panel = `dl-steps-${run.id}`;
  const { steps, trouble } = state;
  const explained = trouble && (
    <Trouble problem={trouble} onRetry={props.onRetry} trans={trans} />
  );
  if (!steps) {
    return explained ?? <p className="dl-Empty">{trans.__('Loading…')}</p>;
  }
  /** Open the run of a step; show a step without one in the list. */
  const open = (step: PipelineStep) => {
    if (step.run_id) {
      props.onOpen(step.run_id);
      return;
    }
    if (step.items) {
      setUnfolded(step.id);
    }
    const row = list.current?.querySelector(`[data-step="${step.id}"]`);
    row?.scrollIntoView({ block: 'nearest' });
    row?.querySelector('button')?.focus({ preventScroll: true });
  };
  const asked = steps.filter(
    step => step.state === 'awaiting_approval' && step.approval
  );
  return (
    <div className="dl-Steps">
      {explained}
      {asked.map(step => (
        <ApprovalBox
          key={step.id}
          step={step}
          needed={steps.filter(
            needed => step.needs.includes(needed.id) && hasRuns(needed)
          )}
          onOpen={open}
          drawResult={props.drawResult}
          onDecide={decision => props.onDecide(step.id, decision)}
          trans={trans}
        />
      ))}
      <div className="dl-Steps-views">
        <Tabs
          label={trans.__('Views of the steps')}
          tabs={[
            { id: 'graph', label: trans.__('Graph') },
            { id: 'timeline', label: trans.__('Timeline') }
          ]}
          selected={view}
          panelOf={() => panel}
          onSelect={selected => setView(selected as View)}
        />
        {!isTerminal(run) && <Remaining steps={steps} trans={trans} />}
      </div>
      <div id={panel} role="tabpanel" className="dl-Steps-view">
        {view === 'graph' ? (
          <PipelineGraph
            steps={steps}
            progressOf={props.progressOf}
            onOpen={open}
            trans={trans}
          />
        ) : (
          <Timeline
            steps={steps}
            startedAt={run.started_at}
            finishedAt={run.finished_at}
            onOpen={open}
            trans={trans}
          />
        )}
      </div>
      <div ref={list}>
        <StepList
          steps={steps}
          startedAt={run.started_at}
          finishedAt={run.finished_at}
          unfolded={unfolded}
          onUnfold={setUnfolded}
          onOpen={open}
          onOpenRun={props.onOpen}
          onReproduce={step => props.onReproduce(step.id)}
          drawItems={props.drawItems}
          trans={trans}
        />
      </div>
    </div>
  );
}

/** The time until the run will have ended, as far as its steps have run before. */
function Remaining(props: {
  steps: readonly PipelineStep[];
  trans: TranslationBundle;
}): JSX.Element | null {
  const { steps, trans } = props;
  const seconds = remainingSeconds(steps, useNow());
  if (seconds === null) {
    return null;
  }
  const about = formatAbout(Math.max(1, Math.round(seconds)));
  const waits = steps.some(step => step.kind === 'approval' && !hasEnded(step));
  return (
    <span className="dl-mod-quiet">
      {waits
        ? trans.__('about %1 left, without the time for decisions', about)
        : trans.__('about %1 left', about)}
    </span>
  );
}

function hasRuns(step: PipelineStep): boolean {
  return step.run_id !== null || step.items !== null;
}
