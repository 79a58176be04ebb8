import { JupyterFrontEnd } from '@jupyterlab/application';
import { WidgetTracker } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import { ITranslator } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

import type { Schedule, Submission } from '../api';
import { BellModel } from '../notifications/bellModel';
import { CommandIDs, IDataOps, IRuns } from '../tokens';
import { Actions } from './actions';
import { BackfillModel } from './backfillModel';
import { CalendarModel } from './calendarModel';
import { ScheduleFormWidget } from './form';
import { ScheduleFormModel, Subject } from './formModel';
import { ImportModel } from './importModel';
import { SchedulesModel } from './listModel';
import { SchedulePageModel } from './pageModel';
import {
  BackfillWidget,
  CalendarWidget,
  ImportWidget,
  SchedulePageWidget,
  SchedulesWidget
} from './screens';
import { sourceOf } from './source';
import { makeWords, Words } from './words';

type Options = {
  app: JupyterFrontEnd;
  area: 'main' | 'right';
  dataOps: IDataOps;
  runs: IRuns;
  lists: WidgetTracker<Widget>;
  calendars: WidgetTracker<Widget>;
  pages: WidgetTracker<Widget>;
  translator: ITranslator;
};

/** Opens the screens of schedules, each once. */
export class Schedules {
  constructor(private readonly _options: Options) {
    const { app, dataOps, translator } = _options;
    this._trans = translator.load('dataops_lab');
    this._words = makeWords(translator.languageCode, this._trans);
    this._actions = new Actions(
      dataOps.client,
      id => void app.commands.execute(CommandIDs.openRun, { id }),
      this._trans
    );
  }

  openList(): void {
    const { dataOps, runs, lists } = this._options;
    this._show('dataops-schedules', () => {
      void runs.start();
      const { client, events } = dataOps;
      const list = new SchedulesWidget({
        model: new SchedulesModel(client, events, runs),
        actions: this._actions,
        words: this._words,
        onOpen: schedule => this.openPage(schedule.id),
        onCalendar: () => this.openCalendar(),
        onImport: () => this.openImport(),
        trans: this._trans
      });
      void lists.add(list);
      return list;
    });
  }

  openPage(id: string, activate = true): void {
    const { dataOps, runs, pages } = this._options;
    this._show(
      `dataops-schedule-${id}`,
      () => {
        void runs.start();
        const { client, events } = dataOps;
        const page = new SchedulePageWidget({
          model: new SchedulePageModel(id, client, events, runs),
          actions: this._actions,
          words: this._words,
          bell: new BellModel('schedule', id, client),
          onNotifications: () =>
            void this._options.app.commands.execute(CommandIDs.myNotifications),
          onEdit: schedule => this.openEditor(schedule),
          onBackfill: schedule => this.openBackfill(schedule.id),
          trans: this._trans
        });
        void pages.add(page);
        return page;
      },
      activate
    );
  }

  openCalendar(): void {
    const { app, dataOps, runs, calendars } = this._options;
    this._show('dataops-calendar', () => {
      void runs.start();
      const { client, events } = dataOps;
      const calendar = new CalendarWidget({
        model: new CalendarModel(client, events, runs),
        onOpen: entry =>
          entry.runId === null
            ? this.openPage(entry.scheduleId)
            : void app.commands.execute(CommandIDs.openRun, {
                id: entry.runId
              }),
        trans: this._trans
      });
      void calendars.add(calendar);
      return calendar;
    });
  }

  openBackfill(id: string): void {
    const { dataOps, runs } = this._options;
    const { client, events } = dataOps;
    this._show(`dataops-backfill-${id}`, () => {
      void runs.start();
      return new BackfillWidget({
        model: new BackfillModel(id, client, events, runs, this._trans),
        words: this._words,
        trans: this._trans
      });
    });
  }

  openImport(): void {
    const { dataOps } = this._options;
    this._show(
      'dataops-schedule-import',
      () =>
        new ImportWidget({
          model: new ImportModel(dataOps.client),
          onOpen: id => this.openPage(id),
          trans: this._trans
        })
    );
  }

  /** Open the form for a new schedule. */
  openForm(submission: Submission): void {
    const { path } = submission;
    this._openForm(
      `dataops-schedule-form-${path}`,
      PathExt.basename(path),
      sourceOf(submission)
    );
  }

  openEditor({ id, name }: Pick<Schedule, 'id' | 'name'>): void {
    this._openForm(`dataops-schedule-edit-${id}`, name, { id });
  }

  private _openForm(id: string, title: string, subject: Subject): void {
    const { dataOps } = this._options;
    this._show(id, () => {
      const form = new ScheduleFormWidget({
        model: new ScheduleFormModel(subject, dataOps.client, this._trans),
        title,
        words: this._words,
        onSaved: schedule => {
          form.close();
          this.openPage(schedule.id);
        },
        trans: this._trans
      });
      form.id = id;
      return form;
    });
  }

  private _show(id: string, create: () => Widget, activate = true): void {
    const { app, area } = this._options;
    let widget = this._opened.get(id);
    if (!widget) {
      widget = create();
      this._opened.set(id, widget);
      widget.disposed.connect(() => this._opened.delete(id));
      app.shell.add(widget, area, { activate: false });
    }
    if (activate) {
      app.shell.activateById(id);
    }
  }

  private readonly _opened = new Map<string, Widget>();
  private readonly _trans;
  private readonly _words: Words;
  private readonly _actions: Actions;
}
