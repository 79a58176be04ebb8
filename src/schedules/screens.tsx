import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Schedule } from '../api';
import type { BellModel } from '../notifications/bellModel';
import { ConnectedBell } from '../notifications/components/Bell';
import { scheduleIcon } from '../shared/icons';
import { Screen } from '../shared/screen';
import { useSignal } from '../shared/signals';
import type { Actions } from './actions';
import type { BackfillModel } from './backfillModel';
import type { Entry } from './calendarEntries';
import type { CalendarModel } from './calendarModel';
import { BackfillPage } from './components/BackfillPage';
import { CalendarPage } from './components/CalendarPage';
import { ImportPage } from './components/ImportPage';
import { SchedulePage } from './components/SchedulePage';
import { SchedulesList } from './components/SchedulesList';
import type { ImportModel } from './importModel';
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
  onCalendar: () => void;
  onImport: () => void;
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
      onCalendar={props.onCalendar}
      onImport={props.onImport}
      onRunNow={actions.runNow}
      onTakeOver={actions.takeOver}
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
  onBackfill: (schedule: Schedule) => void;
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
      onBackfill={props.onBackfill}
      onDelete={schedule => actions.remove(schedule, props.onRemoved)}
      onFilter={filter => model.setFilter(filter)}
      onMore={() => model.showMore()}
      onRetry={() => model.refresh()}
      trans={props.trans}
    />
  );
}

type CalendarOptions = {
  model: CalendarModel;
  onOpen: (entry: Entry) => void;
  trans: TranslationBundle;
};

/** The screen with the starts of all schedules. */
export class CalendarWidget extends Screen {
  constructor(private readonly _options: CalendarOptions) {
    super(_options.trans.__('Calendar of schedules'), scheduleIcon);
    this.id = 'dataops-calendar';
    this.addClass('dl-SchedulePage');
    this.addClass('dl-Calendar');
    _options.model.refresh();
  }

  dispose(): void {
    this._options.model.dispose();
    super.dispose();
  }

  protected render(): JSX.Element {
    return <ConnectedCalendar {...this._options} />;
  }
}

function ConnectedCalendar(props: CalendarOptions): JSX.Element {
  const { model } = props;
  const state = useSignal(model.changed, () => model.state);
  return (
    <CalendarPage
      state={state}
      onView={view => model.setView(view)}
      onMove={steps => model.move(steps)}
      onChoose={day => model.choose(day)}
      onFilter={filter => model.setFilter(filter)}
      onOpen={props.onOpen}
      onRetry={() => model.refresh()}
      trans={props.trans}
    />
  );
}

type BackfillOptions = {
  model: BackfillModel;
  words: Words;
  trans: TranslationBundle;
};

/** The screen with the backfills of a schedule. */
export class BackfillWidget extends Screen {
  constructor(private readonly _options: BackfillOptions) {
    super(_options.trans.__('Backfill'), scheduleIcon);
    const { model } = _options;
    this.id = `dataops-backfill-${model.id}`;
    this.addClass('dl-SchedulePage');
    model.changed.connect(this._onChanged, this);
    model.refresh();
  }

  dispose(): void {
    this._options.model.dispose();
    super.dispose();
  }

  protected render(): JSX.Element {
    return <ConnectedBackfill {...this._options} />;
  }

  private _onChanged(): void {
    const { model, trans } = this._options;
    const { schedule } = model.state;
    if (schedule) {
      this.title.label = trans.__('Backfill of %1', schedule.name);
    }
  }
}

function ConnectedBackfill(props: BackfillOptions): JSX.Element {
  const { model } = props;
  const state = useSignal(model.changed, () => model.state);
  return (
    <BackfillPage
      state={state}
      words={props.words}
      onEdit={change => model.edit(change)}
      onStart={() => void model.start()}
      onAgain={backfill => void model.again(backfill)}
      onCancel={() => void model.cancel()}
      onRetry={() => model.refresh()}
      trans={props.trans}
    />
  );
}

type ImportOptions = {
  model: ImportModel;
  onOpen: (scheduleId: string) => void;
  trans: TranslationBundle;
};

/** The screen with the import of schedules from jupyter-scheduler. */
export class ImportWidget extends Screen {
  constructor(private readonly _options: ImportOptions) {
    super(_options.trans.__('Import schedules'), scheduleIcon);
    this.id = 'dataops-schedule-import';
    this.addClass('dl-SchedulePage');
    _options.model.refresh();
  }

  dispose(): void {
    this._options.model.dispose();
    super.dispose();
  }

  protected render(): JSX.Element {
    return <ConnectedImport {...this._options} />;
  }
}

function ConnectedImport(props: ImportOptions): JSX.Element {
  const { model } = props;
  const state = useSignal(model.changed, () => model.state);
  return (
    <ImportPage
      state={state}
      onEdit={change => model.edit(change)}
      onChoose={(id, isWanted) => model.choose(id, isWanted)}
      onImport={() => void model.run()}
      onOpen={props.onOpen}
      trans={props.trans}
    />
  );
}
