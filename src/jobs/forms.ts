import { JupyterFrontEnd } from '@jupyterlab/application';
import { WidgetTracker } from '@jupyterlab/apputils';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import { TranslationBundle } from '@jupyterlab/translation';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import type { Client, EventStream, Job, Run } from '../api';
import { MatrixModel } from '../pipelines/matrixModel';
import { showPlace } from '../pipelines/showPlace';
import { contextOfOpen } from '../shared/documents';
import { reportFailure } from '../shared/report';
import { summaryOf } from '../shared/runs';
import { sourcePath } from '../shared/source';
import { SchedulesModel } from '../schedules/listModel';
import { BellModel } from '../notifications/bellModel';
import { CommandIDs, IRuns } from '../tokens';
import { JobSettingsModel } from './jobModel';
import { JobTab, JobWidget } from './jobWidget';
import { IRunTarget, RunFormModel } from './model';
import { fileTarget, rerunTarget } from './targets';
import { RunFormWidget } from './widget';

type Options = {
  app: JupyterFrontEnd;
  area: 'main' | 'right';
  client: Client;
  events: EventStream;
  runs: IRuns;
  documents: IDocumentManager;
  trans: TranslationBundle;
};

type JobOfPage = Pick<Job, 'id' | 'name' | 'kind'>;

/** The open forms: one for each file, each run that is run again, and the settings of each job. */
export class Forms {
  constructor(private readonly _options: Options) {}

  /** Open the form for a file. `besideId` is the id of the widget that shows the file, if there is one. */
  openForFile(path: string, besideId?: string): void {
    const target = this._makeTarget(path);
    this._openForm(`dataops-form-${path}`, target, { path, besideId });
  }

  /**
   * Let `file` travel with the notebook of `run`, and run the notebook as it is now, with the same values
   * in the same place. The form opens only when a person must fix something first.
   */
  async takeAlong(run: Run, file: string): Promise<void> {
    const { client, trans } = this._options;
    const path = await sourcePath(run, client, trans);
    const target = this._makeTarget(path, run);
    await target.takeAlong(file);
    const model = new RunFormModel(target, trans);
    await model.load();
    const newRun = await model.submit();
    if (newRun) {
      void this._showRecord(newRun);
    } else {
      this._openForm(`dataops-again-${run.id}`, target, { path });
      if (model.state.trouble) {
        reportFailure(model.state.trouble);
      }
    }
    model.dispose();
  }

  openForRerun(run: Run): void {
    const { client, trans } = this._options;
    const target = rerunTarget(run, client, trans);
    this._openForm(`dataops-rerun-${run.id}`, target);
  }

  openJob(job: JobOfPage, tab: JobTab): void {
    const opened = this._jobs.find(widget => widget.model.id === job.id);
    const widget = opened ?? this._addJobPage(job);
    widget.showTab(tab);
    this._options.app.shell.activateById(widget.id);
  }

  private _addJobPage({ id, name, kind }: JobOfPage): JobWidget {
    const { app, area, client, events, runs, trans } = this._options;
    const page = new JobWidget({
      model: new JobSettingsModel(id, client, trans),
      matrix: kind === 'pipeline' ? new MatrixModel(id, client, runs) : null,
      schedules: new SchedulesModel(client, events, runs, id),
      bell: new BellModel('job', id, client),
      onNotifications: () =>
        void app.commands.execute(CommandIDs.myNotifications),
      runs,
      name,
      onOpen: run => void app.commands.execute(CommandIDs.openRun, { id: run }),
      onOpenSchedule: schedule =>
        void app.commands.execute(CommandIDs.openSchedule, { id: schedule }),
      onOpenSchedules: () =>
        void app.commands.execute(CommandIDs.openSchedules),
      trans
    });
    void this._jobs.add(page);
    app.shell.add(page, area);
    return page;
  }

  private _makeTarget(path: string, template?: Run): IRunTarget {
    const { app, client, documents, trans } = this._options;
    const localPath = app.serviceManager.contents.localPath(path);
    const findContext = () => contextOfOpen(path, documents);
    return fileTarget(localPath, client, findContext, trans, template);
  }

  /** Show the record of a new run, in the place of the widget `ref` if one is named. */
  private _showRecord(run: Run, ref?: string): Promise<void> {
    this._options.runs.add(summaryOf(run));
    const args = { id: run.id, ref };
    return this._options.app.commands.execute(CommandIDs.openRun, args);
  }

  private _openForm(
    id: string,
    target: IRunTarget,
    file: { path?: string; besideId?: string } = {}
  ): void {
    const { app, area, client, documents, trans } = this._options;
    const { path, besideId } = file;
    const opened = this._tracker.find(widget => widget.id === id);
    if (opened) {
      void opened.model.load();
      app.shell.activateById(id);
      return;
    }
    const form = new RunFormWidget({
      model: new RunFormModel(target, trans),
      trans,
      // The record takes the place of the form, and the form closes.
      onSubmitted: run =>
        void this._showRecord(run, id).then(() => form.close()),
      onTell: (run, choice) =>
        void client.notifications
          .set('job', run.job.id, choice)
          .catch(reportFailure),
      onNotifications: () =>
        void app.commands.execute(CommandIDs.myNotifications),
      onSchedule:
        path === undefined
          ? null
          : submission =>
              void app.commands.execute(CommandIDs.schedule, {
                path,
                submission: submission as ReadonlyPartialJSONObject
              }),
      onShowProblem: problem =>
        path !== undefined && void showPlace(path, problem, documents)
    });
    form.id = id;
    void this._tracker.add(form);
    app.shell.add(form, area, {
      mode: besideId === undefined ? undefined : 'split-right',
      ref: besideId
    });
    app.shell.activateById(id);
  }

  private readonly _jobs = new WidgetTracker<JobWidget>({
    namespace: 'dataops-jobs'
  });
  private readonly _tracker = new WidgetTracker<RunFormWidget>({
    namespace: 'dataops-forms'
  });
}
