import { JupyterFrontEnd } from '@jupyterlab/application';
import { WidgetTracker } from '@jupyterlab/apputils';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import { TranslationBundle } from '@jupyterlab/translation';

import type { Client, Run } from '../api';
import { CommandIDs, IRuns } from '../tokens';
import { JobSettingsModel } from './jobModel';
import { JobSettingsWidget } from './jobWidget';
import { IRunTarget, RunFormModel } from './model';
import { notebookTarget, rerunTarget } from './targets';
import { RunFormWidget } from './widget';

type Options = {
  app: JupyterFrontEnd;
  area: 'main' | 'right';
  client: Client;
  runs: IRuns;
  documents: IDocumentManager;
  trans: TranslationBundle;
};

/** The forms that are open: one for a notebook, a run that is run again, or the settings of a job. */
export class Forms {
  constructor(private readonly _options: Options) {}

  /** `beside` is the id of the widget that shows the notebook, if one does. */
  openForNotebook(path: string, beside?: string): void {
    const { app, client, documents, trans } = this._options;
    const local = app.serviceManager.contents.localPath(path);
    const opened = () => {
      const panel = documents.findWidget(path);
      return panel && documents.contextForWidget(panel);
    };
    const target = notebookTarget(local, client, opened, trans);
    this._open(`dataops-form-${local}`, target, beside);
  }

  openForRerun(run: Run): void {
    const { client, trans } = this._options;
    const target = rerunTarget(run, client, trans);
    this._open(`dataops-rerun-${run.id}`, target);
  }

  openJob(run: Run): void {
    const { app, area, client, trans } = this._options;
    const { id, name } = run.job;
    const opened = this._jobs.find(it => it.model.id === id);
    if (opened) {
      app.shell.activateById(opened.id);
      return;
    }
    const model = new JobSettingsModel(id, client, trans);
    const widget = new JobSettingsWidget(model, name, trans);
    void this._jobs.add(widget);
    app.shell.add(widget, area);
    app.shell.activateById(widget.id);
  }

  private _open(id: string, target: IRunTarget, beside?: string): void {
    const { app, area, runs, trans } = this._options;
    const opened = this._tracker.find(it => it.id === id);
    if (opened) {
      void opened.model.load();
      app.shell.activateById(id);
      return;
    }
    const form = new RunFormWidget({
      model: new RunFormModel(target, trans),
      trans,
      onSubmitted: run => {
        runs.add(run);
        // The record takes the place of the form, and the form goes.
        void app.commands
          .execute(CommandIDs.openRun, { id: run.id, ref: id })
          .then(() => form.close());
      }
    });
    form.id = id;
    void this._tracker.add(form);
    app.shell.add(form, area, {
      mode: beside === undefined ? undefined : 'split-right',
      ref: beside
    });
    app.shell.activateById(id);
  }

  private readonly _jobs = new WidgetTracker<JobSettingsWidget>({
    namespace: 'dataops-jobs'
  });
  private readonly _tracker = new WidgetTracker<RunFormWidget>({
    namespace: 'dataops-forms'
  });
}
