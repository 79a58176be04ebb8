import { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import { Message } from '@lumino/messaging';
import React from 'react';

import type { RunSummary } from '../api';
import { dataOpsIcon } from '../shared/icons';
import type { IRuns } from '../tokens';
import type { SchedulesModel } from '../schedules/listModel';
import type { ApprovalsModel } from './approvalsModel';
import { Sidebar } from './components/Sidebar';

type Options = {
  runs: IRuns;
  approvals: ApprovalsModel;
  schedules: SchedulesModel;
  onOpen: (run: RunSummary) => void;
  onOpenId: (run: string) => void;
  onOpenAll: () => void;
  onOpenSchedule: (id: string) => void;
  onOpenSchedules: () => void;
  onAdministration: () => void;
  trans: TranslationBundle;
};

/** The sidebar with the active and the last runs. It asks the server when it is first shown. */
export class RunsSidebar extends ReactWidget {
  constructor(private readonly _options: Options) {
    super();
    const { trans } = _options;
    this.id = 'dataops-runs-sidebar';
    this.title.icon = dataOpsIcon;
    this.title.caption = trans.__(
      'DataOps: what is running, and the last runs'
    );
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', trans.__('DataOps'));
    this.addClass('dl-Sidebar');
  }

  protected onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    void this._options.runs.start();
    this._options.approvals.refresh();
    this._options.schedules.refresh();
  }

  protected render(): JSX.Element {
    return <Sidebar {...this._options} />;
  }
}
