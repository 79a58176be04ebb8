import { LabIcon } from '@jupyterlab/ui-components';

import approval from '../../style/icons/approval.svg';
import cancelled from '../../style/icons/cancelled.svg';
import dataops from '../../style/icons/dataops.svg';
import disabled from '../../style/icons/disabled.svg';
import failed from '../../style/icons/failed.svg';
import keep from '../../style/icons/keep.svg';
import pipeline from '../../style/icons/pipeline.svg';
import queued from '../../style/icons/queued.svg';
import rerun from '../../style/icons/rerun.svg';
import rerunWith from '../../style/icons/rerun-with.svg';
import runAsJob from '../../style/icons/run-as-job.svg';
import running from '../../style/icons/running.svg';
import schedule from '../../style/icons/schedule.svg';
import skipped from '../../style/icons/skipped.svg';
import succeeded from '../../style/icons/succeeded.svg';
import sweep from '../../style/icons/sweep.svg';
import unknown from '../../style/icons/unknown.svg';

function icon(name: string, svgstr: string): LabIcon {
  return new LabIcon({ name: `dataops-lab:${name}`, svgstr });
}

export const dataOpsIcon = icon('dataops', dataops);
export const pipelineIcon = icon('pipeline', pipeline);
export const sweepIcon = icon('sweep', sweep);
export const runAsJobIcon = icon('run-as-job', runAsJob);
export const scheduleIcon = icon('schedule', schedule);
export const keepIcon = icon('keep', keep);
export const rerunIcon = icon('rerun', rerun);
export const rerunWithIcon = icon('rerun-with', rerunWith);

export const queuedIcon = icon('queued', queued);
export const runningStateIcon = icon('running', running);
export const succeededIcon = icon('succeeded', succeeded);
export const failedIcon = icon('failed', failed);
export const cancelledIcon = icon('cancelled', cancelled);
export const skippedIcon = icon('skipped', skipped);
export const disabledIcon = icon('disabled', disabled);
export const approvalIcon = icon('approval', approval);
export const unknownIcon = icon('unknown', unknown);
