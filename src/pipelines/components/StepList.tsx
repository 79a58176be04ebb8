import { TranslationBundle } from '@jupyterlab/translation';
import {
  bugIcon,
  caretDownIcon,
  caretRightIcon
} from '@jupyterlab/ui-components';
import React from 'react';

import type { PipelineStep } from '../../api';
import { useNow } from '../../shared/clock';
import { KindIcon } from '../../shared/components/KindIcon';
import { PhaseLabel } from '../../shared/components/StateLabel';
import { Table } from '../../shared/components/Table';
import { RelativeTime } from '../../shared/components/Times';
import { formatExact } from '../../shared/format';
import { useLatest } from '../../shared/latest';
import { phaseAppearance } from '../../shared/phases';
import { barOf, isReused, labelOfItems, labelOfStep, nameOf } from '../steps';
import { ExpectedDuration, StepDuration } from './PipelineGraph';

const COLUMNS = 6;

/** All steps in the order of the file, each with its bar on the time line of the run. */
export function StepList(props: {
  steps: readonly PipelineStep[];
  /** The times of the run. */
  startedAt: string | null;
  finishedAt: string | null;
  /** The fan-out whose items are shown below it. */
  unfolded: string | null;
  onUnfold: (step: string | null) => void;
  onOpen: (step: PipelineStep) => void;
  /** Open the run from which a result was taken. */
  onOpenRun: (run: string) => void;
  /** Open a step with its inputs. */
  onReproduce: (step: PipelineStep) => void;
  /** Draw the items of a fan-out. */
  drawItems: (step: PipelineStep) => React.ReactNode;
  trans: TranslationBundle;
}): JSX.Element {
  const { steps, startedAt, finishedAt, trans } = props;
  const { onUnfold, onOpen, onOpenRun, onReproduce } = props;
  const actions = useLatest({ onUnfold, onOpen, onOpenRun, onReproduce });
  return (
    <Table
      className="dl-Table dl-StepList"
      columns={[
        trans.__('Step'),
        trans.__('State'),
        trans.__('Started'),
        trans.__('Duration'),
        trans.__('Time line'),
        trans.__('Reason')
      ]}
    >
      {steps.map(step => (
        <React.Fragment key={step.id}>
          <Row
            {...actions}
            step={step}
            startedAt={startedAt}
            finishedAt={finishedAt}
            isUnfolded={props.unfolded === step.id}
            trans={trans}
          />
          {props.unfolded === step.id && (
            <tr className="dl-StepList-items">
              <td colSpan={COLUMNS}>{props.drawItems(step)}</td>
            </tr>
          )}
        </React.Fragment>
      ))}
    </Table>
  );
}

type RowProps = {
  step: PipelineStep;
  startedAt: string | null;
  finishedAt: string | null;
  isUnfolded: boolean;
  onUnfold: (step: string | null) => void;
  onOpen: (step: PipelineStep) => void;
  onOpenRun: (run: string) => void;
  onReproduce: (step: PipelineStep) => void;
  trans: TranslationBundle;
};

/** Drawn again only when something of its own step has changed. */
const Row = React.memo(function Row(props: RowProps): JSX.Element {
  const { step, trans } = props;
  return (
    <tr data-step={step.id} data-state={step.state}>
      <th scope="row" className="dl-StepList-step">
        <span className="dl-StepList-name">
          <KindIcon kind={step.kind} trans={trans} />
          <Name {...props} />
          {/* Each item of a fan-out has inputs of its own: its record opens them. */}
          {step.kind !== 'approval' && !step.for_each && (
            <button
              type="button"
              className="dl-Button dl-mod-icon"
              title={trans.__('Open with its inputs')}
              aria-label={trans.__('Open %1 with its inputs', nameOf(step))}
              onClick={() => props.onReproduce(step)}
            >
              <bugIcon.react tag="span" aria-hidden />
            </button>
          )}
        </span>
      </th>
      <td>
        <PhaseLabel
          phase={step.state}
          label={labelOfStep(step, trans)}
          trans={trans}
        />
      </td>
      <td>
        {step.started_at && (
          <RelativeTime instant={step.started_at} trans={trans} />
        )}
      </td>
      <td className="dl-mod-number">
        <StepDuration step={step} />
        <ExpectedDuration step={step} trans={trans} />
      </td>
      <td className="dl-StepList-time">
        <TimeBar
          step={step}
          startedAt={props.startedAt}
          finishedAt={props.finishedAt}
        />
      </td>
      <td className="dl-mod-break">
        {step.taken_from && (
          <TakenFrom
            run={step.taken_from}
            isWhole={step.started_at === null}
            isReused={isReused(step)}
            onOpenRun={props.onOpenRun}
            trans={trans}
          />
        )}{' '}
        {reasonOf(step, trans)}
      </td>
    </tr>
  );
});

/** A link to the run from which the result of a step, or of some of its items, was taken. */
function TakenFrom(props: {
  run: string;
  isWhole: boolean;
  isReused: boolean;
  onOpenRun: (run: string) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { run, trans } = props;
  return (
    <button
      type="button"
      className="dl-Button dl-mod-link"
      onClick={() => props.onOpenRun(run)}
    >
      {props.isReused
        ? trans.__('Unchanged since run %1', run)
        : props.isWhole
          ? trans.__('Taken from run %1', run)
          : trans.__('Some items taken from run %1', run)}
    </button>
  );
}

/** The name of a step: it opens the step's run, or unfolds the items of a fan-out. */
function Name(props: RowProps): JSX.Element {
  const { step, isUnfolded, trans } = props;
  if (step.items) {
    const Caret = isUnfolded ? caretDownIcon : caretRightIcon;
    return (
      <button
        type="button"
        className="dl-Button dl-mod-link"
        aria-expanded={isUnfolded}
        onClick={() => props.onUnfold(isUnfolded ? null : step.id)}
      >
        <Caret.react tag="span" className="dl-StepList-caret" />
        {nameOf(step)}{' '}
        <span className="dl-mod-quiet">{labelOfItems(step, trans)}</span>
      </button>
    );
  }
  const title = step.path ?? undefined;
  if (!step.run_id) {
    return <span title={title}>{nameOf(step)}</span>;
  }
  return (
    <button
      type="button"
      className="dl-Button dl-mod-link"
      title={title}
      onClick={() => props.onOpen(step)}
    >
      {nameOf(step)}
    </button>
  );
}

/** The time from start to end of a step, as a bar. The columns beside it have the same as text. */
function TimeBar(props: {
  step: PipelineStep;
  startedAt: string | null;
  finishedAt: string | null;
}): JSX.Element | null {
  const { step, startedAt, finishedAt } = props;
  const now = useNow(startedAt !== null && finishedAt === null);
  const start = startedAt === null ? now : Date.parse(startedAt);
  const end = finishedAt === null ? now : Date.parse(finishedAt);
  const bar = barOf(step, start, end);
  return (
    bar && (
      <div
        className="dl-TimeBar"
        aria-hidden="true"
        data-tone={phaseAppearance(step.state).tone}
        title={[step.started_at, step.finished_at]
          .map(instant => instant && formatExact(instant))
          .filter(Boolean)
          .join(' – ')}
        style={{ marginLeft: `${bar.start}%`, width: `${bar.length}%` }}
      />
    )
  );
}

/** Return why a step ended or waits, or how a person decided. */
function reasonOf(step: PipelineStep, trans: TranslationBundle): string {
  const { approval } = step;
  const reason = isReused(step) ? null : step.reason;
  const decided = approval?.decided_by
    ? trans.__('By %1', approval.decided_by.name)
    : '';
  const said = approval?.comment ? `“${approval.comment}”` : '';
  return [reason?.message, decided, said].filter(Boolean).join(' ');
}
