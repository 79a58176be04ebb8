import { Notification } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';

import type { RunSummary } from '../api';
import { labelOf } from '../shared/phases';
import { isTerminal } from '../shared/runs';
import type { IRuns } from '../tokens';

const SUCCESS_MS = 8000;

/** Tell people about the end of a run that they started, when they look at something else. */
export function notifyOfFinishedRuns(options: {
  runs: IRuns;
  isInView: (run: RunSummary) => boolean;
  open: (run: RunSummary) => void;
  trans: TranslationBundle;
}): void {
  const { runs, isInView, open, trans } = options;
  const unfinished = new Set<string>();
  runs.runChanged.connect((_, run) => {
    if (!isTerminal(run)) {
      unfinished.add(run.id);
      return;
    }
    const hasEnded = unfinished.delete(run.id);
    if (!hasEnded || !runs.isMine(run) || isInView(run)) {
      return;
    }
    const succeeded = run.state === 'succeeded';
    Notification.emit(
      `${run.job.name}: ${labelOf(run.phase, trans)}`,
      succeeded ? 'success' : 'error',
      {
        autoClose: succeeded ? SUCCESS_MS : false,
        actions: [{ label: trans.__('Open run'), callback: () => open(run) }]
      }
    );
  });
}
