import { TranslationBundle } from '@jupyterlab/translation';
import { LabIcon } from '@jupyterlab/ui-components';

import type { AttemptState, RunSummary } from '../api';
import {
  approvalIcon,
  cancelledIcon,
  disabledIcon,
  failedIcon,
  queuedIcon,
  runningStateIcon,
  skippedIcon,
  succeededIcon,
  unknownIcon
} from './icons';

/** The tone of a phase; it decides the colour. */
export type Tone = 'waiting' | 'busy' | 'asking' | 'good' | 'bad' | 'neutral';

type Appearance = { icon: LabIcon; tone: Tone };

const APPEARANCES: { [phase: string]: Appearance } = {
  queued: { icon: queuedIcon, tone: 'waiting' },
  waiting: { icon: queuedIcon, tone: 'waiting' },
  awaiting_approval: { icon: approvalIcon, tone: 'asking' },
  retrying: { icon: queuedIcon, tone: 'waiting' },
  starting: { icon: runningStateIcon, tone: 'busy' },
  running: { icon: runningStateIcon, tone: 'busy' },
  finishing: { icon: runningStateIcon, tone: 'busy' },
  cancelling: { icon: runningStateIcon, tone: 'busy' },
  succeeded: { icon: succeededIcon, tone: 'good' },
  failed: { icon: failedIcon, tone: 'bad' },
  timed_out: { icon: failedIcon, tone: 'bad' },
  lost: { icon: unknownIcon, tone: 'bad' },
  rejected: { icon: failedIcon, tone: 'bad' },
  cancelled: { icon: cancelledIcon, tone: 'neutral' },
  skipped: { icon: skippedIcon, tone: 'neutral' },
  expired: { icon: skippedIcon, tone: 'neutral' },
  disabled: { icon: disabledIcon, tone: 'neutral' }
};

/** Return the icon and tone of a phase. An unknown phase comes from a newer server, and its name is shown. */
export function phaseAppearance(phase: string): Appearance {
  return APPEARANCES[phase] ?? { icon: unknownIcon, tone: 'neutral' };
}

export function labelOf(phase: string, trans: TranslationBundle): string {
  const labels: { [phase: string]: string } = {
    queued: trans.__('Queued'),
    waiting: trans.__('Waiting'),
    awaiting_approval: trans.__('Awaiting approval'),
    starting: trans.__('Starting'),
    running: trans.__('Running'),
    finishing: trans.__('Finishing'),
    cancelling: trans.__('Cancelling'),
    retrying: trans.__('Waiting to retry'),
    succeeded: trans.__('Succeeded'),
    failed: trans.__('Failed'),
    timed_out: trans.__('Timed out'),
    cancelled: trans.__('Cancelled'),
    lost: trans.__('Lost'),
    skipped: trans.__('Skipped'),
    expired: trans.__('Expired'),
    rejected: trans.__('Rejected'),
    disabled: trans.__('Disabled')
  };
  return labels[phase] ?? phase;
}

/** Return how a run or step succeeded; undefined for a plain success. */
export function labelOfSuccess(
  {
    with_failures,
    nothing_to_do
  }: Pick<RunSummary, 'with_failures' | 'nothing_to_do'>,
  trans: TranslationBundle
): string | undefined {
  if (with_failures) {
    return trans.__('Succeeded, with failures');
  }
  return nothing_to_do ? trans.__('Nothing to do') : undefined;
}

export function labelOfAttempt(
  state: AttemptState,
  trans: TranslationBundle
): string {
  const labels: { [state in AttemptState]: string } = {
    claimed: trans.__('Starting'),
    launching: trans.__('Starting'),
    running: trans.__('Running'),
    finalizing: trans.__('Finishing'),
    cancelling: trans.__('Cancelling'),
    timing_out: trans.__('Timing out'),
    unconfirmed: trans.__('Its end is not proven yet'),
    released: trans.__('Given back before it started'),
    succeeded: trans.__('Succeeded'),
    failed: trans.__('Failed'),
    timed_out: trans.__('Timed out'),
    cancelled: trans.__('Cancelled'),
    lost: trans.__('Lost')
  };
  return labels[state] ?? state;
}
