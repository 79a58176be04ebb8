import { TranslationBundle } from '@jupyterlab/translation';
import { settingsIcon } from '@jupyterlab/ui-components';
import { ISignal, Signal } from '@lumino/signaling';
import React from 'react';

import type { BellModel } from '../notifications/bellModel';
import { ConnectedBell } from '../notifications/components/Bell';
import { History } from '../pipelines/history';
import type { MatrixModel } from '../pipelines/matrixModel';
import { ScheduleRows } from '../schedules/components/ScheduleRows';
import type { SchedulesModel } from '../schedules/listModel';
import { Tabs } from '../shared/components/Tabs';
import { pipelineIcon } from '../shared/icons';
import { Screen } from '../shared/screen';
import { useSignal } from '../shared/signals';
import type { IRuns } from '../tokens';
import { JobSettings } from './components/JobSettings';
import { JobSettingsModel } from './jobModel';

export type JobTab = 'runs' | 'settings';

type Options = {
  model: JobSettingsModel;
  /** The runs of a pipeline beside one another; null for other jobs. */
  matrix: MatrixModel | null;
  /** The schedules of the job. */
  schedules: SchedulesModel;
  bell: BellModel;
  onNotifications: () => void;
  runs: IRuns;
  name: string;
  onOpen: (run: string) => void;
  onOpenSchedule: (id: string) => void;
  onOpenSchedules: () => void;
  trans: TranslationBundle;
};

/** The screen of a job, in the main area: its settings, and for a pipeline also its runs. */
export class JobWidget extends Screen {
  constructor(private readonly _options: Options) {
    super(
      _options.matrix
        ? _options.name
        : _options.trans.__('Settings of %1', _options.name),
      _options.matrix ? pipelineIcon : settingsIcon
    );
    this.id = `dataops-job-${this.model.id}`;
    this.addClass(_options.matrix ? 'dl-JobPage' : 'dl-RunFormPanel');
    void this.model.load();
    void _options.matrix?.load();
    _options.schedules.refresh();
    void _options.bell.load();
  }

  get model(): JobSettingsModel {
    return this._options.model;
  }

  get tab(): JobTab {
    return this._tab;
  }

  get tabChanged(): ISignal<this, void> {
    return this._tabChanged;
  }

  showTab(tab: JobTab): void {
    this._tab = tab;
    this._tabChanged.emit();
  }

  dispose(): void {
    this.model.dispose();
    this._options.matrix?.dispose();
    this._options.schedules.dispose();
    this._options.bell.dispose();
    Signal.clearData(this);
    super.dispose();
  }

  protected render(): JSX.Element {
    const { matrix, onOpen, trans } = this._options;
    const settings = <Settings {...this._options} />;
    return matrix ? (
      <PipelinePage widget={this} settings={settings} trans={trans}>
        <History model={matrix} onOpen={onOpen} trans={trans} />
      </PipelinePage>
    ) : (
      settings
    );
  }

  private _tab: JobTab = 'settings';
  private readonly _tabChanged = new Signal<this, void>(this);
}

function PipelinePage(props: {
  widget: JobWidget;
  settings: JSX.Element;
  children: React.ReactNode;
  trans: TranslationBundle;
}): JSX.Element {
  const { widget, trans } = props;
  const tab = useSignal(widget.tabChanged, () => widget.tab);
  const panel = `${widget.id}-panel`;
  return (
    <>
      <Tabs
        label={trans.__('Parts of the page')}
        tabs={[
          { id: 'runs', label: trans.__('Runs') },
          { id: 'settings', label: trans.__('Settings') }
        ]}
        selected={tab}
        panelOf={() => panel}
        onSelect={selected => widget.showTab(selected as JobTab)}
      />
      <div
        id={panel}
        role="tabpanel"
        className={tab === 'runs' ? 'dl-JobPage-runs' : 'dl-JobPage-settings'}
      >
        {tab === 'runs' ? props.children : props.settings}
      </div>
    </>
  );
}

function Settings(props: Options): JSX.Element {
  const { model, runs, trans } = props;
  const state = useSignal(model.changed, () => model.state);
  const mayChange = useSignal(
    runs.changed,
    () => state.job !== null && runs.mayChange(state.job)
  );
  const { schedules } = useSignal(
    props.schedules.changed,
    () => props.schedules.state
  );
  return (
    <>
      <div className="dl-JobSchedules">
        <ScheduleRows
          id="dl-job"
          title={trans.__('Schedules')}
          schedules={schedules}
          onOpen={props.onOpenSchedule}
          onOpenAll={props.onOpenSchedules}
          trans={trans}
        />
        <section>
          <ConnectedBell
            model={props.bell}
            onSettings={props.onNotifications}
            trans={trans}
          />
        </section>
      </div>
      <JobSettings
        state={state}
        mayChange={mayChange}
        onEdit={change => model.edit(change)}
        onSettings={change => model.setSettings(change)}
        onSave={() => void model.save()}
        onReload={() => void model.load()}
        trans={trans}
      />
    </>
  );
}
