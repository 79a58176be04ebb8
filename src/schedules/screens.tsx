import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Schedule } from '../api';
import type { BellModel } from '../notifications/bellModel';
import { ConnectedBell } from '../notifications/components/Bell';
import { scheduleIcon } from '../shared/icons';
import { Screen } from '../shared/screen';
import { useSignal } from '../shared/signals';
import type { Actions } from './actions';
import { SchedulePage } from './components/SchedulePage';
import { SchedulesList } from './components/SchedulesList';
import { SchedulesModel } from './listModel';
import { SchedulePageModel } from './pageModel';
import type { Words } from './words';

type Options<Model> = {
  model: Model;
  actions: Actions;
  words: Words;
  trans: TranslationBundle;
};

type ListOptions = Options<SchedulesModel> & {
  onOpen: (schedule: Schedule) => void;
};

/** The screen with the table of all schedules. */
export class SchedulesWidget extends Screen {
  constructor(private readonly _options: ListOptions) {
    super(_options.trans.__('Schedules'), scheduleIcon);
    this.id = 'dataops-schedules';
    this.addClass('dl-RunsList');
    _options.model.refresh();
  }

  dispose(): void {
    this._options.model.dispose();
    super.dispose();
  }

  protected render(): JSX.Element {
    return <ConnectedList {...this._options} />;
  }
}

function ConnectedList(props: ListOptions): JSX.Element {
  const { model, actions } = props;
  const state = useSignal(model.changed, () => model.state);
  return (
    <SchedulesList
      state={state}
      words={props.words}
      onOpen={props.onOpen}
      onRunNow={actions.runNow}
      onPause={actions.pause}
      onResume={actions.resume}
      onRetry={() => model.refresh()}
      trans={props.trans}
    />
  );
}

type PageOptions = Options<SchedulePageModel> & {
  bell: BellModel;
  onNotifications: () => void;
  onEdit: (schedule: Schedule) => void;
};

/** The screen of one schedule with its decision log. */
export class SchedulePageWidget extends Screen {
  constructor(private readonly _options: PageOptions) {
    super(_options.trans.__('Schedule'), scheduleIcon);
    const { model } = _options;
    this.id = `dataops-schedule-${model.id}`;
    this.addClass('dl-SchedulePage');
    model.changed.connect(this._onChanged, this);
    model.refresh();
    void _options.bell.load();
  }

  get model(): SchedulePageModel {
    return this._options.model;
  }

  dispose(): void {
    this.model.dispose();
    this._options.bell.dispose();
    super.dispose();
  }

  protected render(): JSX.Element {
    return <ConnectedPage {...this._options} onRemoved={() => this.close()} />;
  }

  private _onChanged(): void {
    this.title.label = this.model.state.schedule?.name ?? this.title.label;
  }
}

function ConnectedPage(
  props: PageOptions & { onRemoved: () => void }
): JSX.Element {
  const { model, actions } = props;
  const state = useSignal(model.changed, () => model.state);
  return (
    <SchedulePage
      state={state}
      bell={
        <ConnectedBell
          model={props.bell}
          onSettings={props.onNotifications}
          trans={props.trans}
        />
      }
      words={props.words}
      onRunNow={actions.runNow}
      onPause={actions.pause}
      onResume={actions.resume}
      onTakeOver={actions.takeOver}
      onUpdate={actions.update}
      onNewSecret={actions.newSecret}
      addressOf={actions.addressOf}
      onOpenRun={actions.openRun}
      onEdit={props.onEdit}
      onDelete={schedule => actions.remove(schedule, props.onRemoved)}
      onFilter={filter => model.setFilter(filter)}
      onMore={() => model.showMore()}
      onRetry={() => model.refresh()}
      trans={props.trans}
    />
  );
}
