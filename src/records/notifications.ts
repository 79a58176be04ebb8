import { Notification } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';

import type { RunSummary } from '../api';
import { labelOf } from '../shared/phases';
import { isTerminal } from '../shared/runs';
import type { IRuns } from '../tokens';

const SUCCESS_MS = 8000;

const BY_SCHEDULES = new Set<RunSummary['trigger']['kind']>([
  'schedule',
  'webhook',
  'files',
  'job',
  'backfill'
]);

/** Tell people about the end of a run that they started, and that it awaits a decision, when they look at something else. */
export function notifyOfRuns(options: {
  runs: IRuns;
  isInView: (run: RunSummary) => boolean;
  open: (run: RunSummary) => void;
  trans: TranslationBundle;
}): void {
  const { runs, isInView, open, trans } = options;
  const unfinished = new Set<string>();
  const asking = new Set<string>();
  const show = (run: RunSummary, kind: 'success' | 'error' | 'info') =>
    Notification.emit(
      trans.__('%1: %2', run.job.name, labelOf(run.phase, trans)),
      kind,
      {
        autoClose: kind === 'success' ? SUCCESS_MS : false,
        actions: [{ label: trans.__('Open run'), callback: () => open(run) }]
      }
    );
  runs.runChanged.connect((_, run) => {
    // A pipeline tells about its steps, and a schedule has messages of its own.
    const isShown =
      !run.parent &&
      !BY_SCHEDULES.has(run.trigger.kind) &&
      runs.isMine(run) &&
      !isInView(run);
    if (isTerminal(run)) {
      asking.delete(run.id);
      if (unfinished.delete(run.id) && isShown) {
        show(run, run.state === 'succeeded' ? 'success' : 'error');
      }
      return;
    }
    const isKnown = unfinished.has(run.id);
    unfinished.add(run.id);
    if (run.phase !== 'awaiting_approval') {
      asking.delete(run.id);
    } else if (!asking.has(run.id)) {
      asking.add(run.id);
      // A run that waited before the page was loaded is in the sidebar.
      if (isKnown && isShown) {
        show(run, 'info');
      }
    }
  });
}
