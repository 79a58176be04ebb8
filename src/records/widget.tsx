import type { IEditorServices } from '@jupyterlab/codeeditor';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import { CommandRegistry } from '@lumino/commands';
import { IDisposable } from '@lumino/disposable';
import { Message } from '@lumino/messaging';
import { Panel } from '@lumino/widgets';
import React from 'react';

import type { Client, EventStream, Run } from '../api';
import { Notices } from '../shared/components/Notices';
import { download } from '../shared/download';
import { keepFocus } from '../shared/focus';
import { dataOpsIcon } from '../shared/icons';
import { phaseAppearance } from '../shared/phases';
import { failingCell, isTerminal } from '../shared/runs';
import { useSignal } from '../shared/signals';
import { ItemTableModel } from '../pipelines/itemTableModel';
import { StepsModel } from '../pipelines/model';
import { ItemsPane, StepsPane } from '../pipelines/pane';
import { CommandIDs, IRuns } from '../tokens';
import { ComparisonModel } from './comparison';
import { Artifacts } from './components/Artifacts';
import { Comparison } from './components/Comparison';
import { DeclaredOutputs } from './components/DeclaredOutputs';
import { Inputs } from './components/Inputs';
import { LogView } from './components/LogView';
import { Parameters } from './components/Parameters';
import { RecordHead } from './components/RecordHead';
import { Report } from './components/Report';
import { LogModel } from './log';
import type { RecordModel } from './model';
import { RecordNotebook } from './notebook';
import { InputsModel } from './inputs';
import { OutputsModel } from './outputs';
import { PreviewModel } from './preview';
import { RecordView, Tab, tabsOf } from './view';

export type RecordOptions = {
  model: RecordModel;
  client: Client;
  events: EventStream;
  runs: IRuns;
  commands: CommandRegistry;
  rendermime: IRenderMimeRegistry;
  editorServices: IEditorServices;
  translator: ITranslator;
};

/** The screen of one run: live while it runs, a record afterwards. */
export class RecordWidget extends Panel {
  constructor(private readonly _options: RecordOptions) {
    super();
    const { model, client, events, runs, translator } = _options;
    this._trans = translator.load('dataops_lab');
    this._log = new LogModel(model.id, client);
    this._preview = new PreviewModel(model.id, client);
    this._inputs = new InputsModel(model.id, client);
    this._comparison = new ComparisonModel(model.id, client);
    this._outputs = new OutputsModel(model.id, client);
    this._steps = new StepsModel(model.id, client, events, runs);
    this._points = new ItemTableModel(model.id, null, client, events, runs);
    this._notebook = new RecordNotebook(_options);
    this._notebook.model = model.notebook;
    this._notebook.onFollowingStopped = () =>
      this._view.set({ following: false });

    this.id = `dataops-run-${model.id}`;
    this.title.closable = true;
    this.title.label = this._trans.__('Run');
    this.title.icon = dataOpsIcon;
    this.addClass('dl-Record');
    this.node.setAttribute('role', 'region');
    this.node.tabIndex = -1;
    this._focus = keepFocus(this.node);

    const head = ReactWidget.create(<Head widget={this} />);
    head.addClass('dl-Record-head');
    this._pane = ReactWidget.create(<Pane widget={this} />);
    this._pane.addClass('dl-Record-pane');
    this._pane.hide();
    for (const part of [this._notebook, this._pane]) {
      part.node.setAttribute('role', 'tabpanel');
    }
    this._notebook.id = this.panelOf('notebook');
    this._pane.id = this.panelOf('log');
    this.addWidget(head);
    this.addWidget(this._notebook);
    this.addWidget(this._pane);

    model.changed.connect(this._onChanged, this);
    model.filled.connect(this._onFilled, this);
    this._view.changed.connect(this._onViewChanged, this);
    void model.load();
  }

  /** The values and callbacks for the components of this record. */
  get parts() {
    return {
      ...this._options,
      view: this._view,
      log: this._log,
      preview: this._preview,
      inputs: this._inputs,
      comparison: this._comparison,
      outputs: this._outputs,
      steps: this._steps,
      points: this._points,
      trans: this._trans
    };
  }

  get model(): RecordModel {
    return this._options.model;
  }

  panelOf(tab: string): string {
    return `${this.id}-${tab === 'notebook' ? 'notebook' : 'pane'}`;
  }

  showCell(cell: number): void {
    this._view.set({ tab: 'notebook' });
    this._notebook.showCell(cell);
  }

  follow(): void {
    this._view.set({ following: true });
  }

  dispose(): void {
    if (!this.isDisposed) {
      this._focus.dispose();
      this._log.dispose();
      this._preview.dispose();
      this._inputs.dispose();
      this._comparison.dispose();
      this._outputs.dispose();
      this._steps.dispose();
      this._points.dispose();
      this.model.dispose();
      super.dispose();
      this.model.notebook.dispose();
    }
  }

  /** Dispose of the record when it is closed; opening the run again creates a new one. */
  protected onCloseRequest(msg: Message): void {
    super.onCloseRequest(msg);
    this.dispose();
  }

  protected onActivateRequest(msg: Message): void {
    this.node.focus({ preventScroll: true });
  }

  private _onChanged(): void {
    const { run } = this.model;
    if (!run) {
      return;
    }
    const { icon } = phaseAppearance(run.phase);
    this.title.label = run.job.name;
    this.title.icon = icon;
    this.title.caption = this._trans.__(
      'Run of %1, version %2',
      run.job.name,
      run.version.number
    );
    this.node.setAttribute('aria-label', this.title.caption);
    this.node.dataset.phase = run.phase;
    this._showFirstTab(run);
    this._showFailure();
    this._readLog();
    this._readOutputs();
    if (isTerminal(run) && run.state !== 'succeeded') {
      void this._comparison.load();
    }
  }

  /** Show the first part of a record of this kind, once. */
  private _showFirstTab({ kind }: Run): void {
    if (!this._tabShown) {
      this._tabShown = true;
      this._view.set({ tab: tabsOf(kind)[0] });
    }
  }

  private _onFilled(): void {
    this._notebook.markRunning(this.model.runningCell);
    // The page may learn that the run failed before the end of its journal arrives.
    this._failureShown = false;
    this._showFailure();
    this._readLog();
  }

  /** Mark the cell that failed, and bring it into view while following; do it once. */
  private _showFailure(): void {
    const { run, isFilled } = this.model;
    const cell = run && isTerminal(run) ? failingCell(run) : null;
    if (cell !== null && isFilled && !this._failureShown) {
      this._failureShown = true;
      this._notebook.markFailed(cell);
      if (this._view.state.following) {
        this._notebook.showCell(cell);
      }
    }
  }

  private _onViewChanged(): void {
    const { tab, following } = this._view.state;
    if (tab === 'steps') {
      this._steps.refresh();
    }
    if (tab === 'points') {
      this._points.refresh();
    }
    this._notebook.following = following;
    this._notebook.setHidden(tab !== 'notebook');
    this._pane.setHidden(tab === 'notebook');
    this._notebook.markRunning(this.model.runningCell);
    this._readLog();
    this._readOutputs();
  }

  private _readLog(): void {
    if (this._view.state.tab === 'log') {
      this._log.refresh();
    }
  }

  private _readOutputs(): void {
    const { run } = this.model;
    if (run?.has_outputs && this._view.state.tab === 'artifacts') {
      void this._outputs.refresh(run.revision);
    }
  }

  private readonly _trans: TranslationBundle;
  private readonly _view = new RecordView();
  private readonly _log: LogModel;
  private readonly _preview: PreviewModel;
  private readonly _inputs: InputsModel;
  private readonly _comparison: ComparisonModel;
  private readonly _outputs: OutputsModel;
  private readonly _steps: StepsModel;
  private readonly _points: ItemTableModel;
  private readonly _notebook: RecordNotebook;
  private readonly _pane: ReactWidget;
  private readonly _focus: IDisposable;
  private _failureShown = false;
  private _tabShown = false;
}

function Head({ widget }: { widget: RecordWidget }): JSX.Element {
  const { model, view, comparison, runs, commands, trans } = widget.parts;
  const run = useSignal(model.changed, () => model.run);
  const trouble = useSignal(model.changed, () => model.trouble);
  const compared = useSignal(comparison.changed, () => comparison.comparison);
  const failingNumber = useSignal(model.filled, () => model.failingNumber);
  const isMine = useSignal(
    runs.changed,
    () => run !== null && runs.isMine(run)
  );
  const mayChange = useSignal(
    runs.changed,
    () => run !== null && runs.mayChange(run)
  );
  const state = useSignal(view.changed, () => view.state);
  return (
    <>
      <Notices runs={runs} trans={trans} />
      <RecordHead
        run={run}
        failingNumber={failingNumber}
        comparison={run?.state === 'succeeded' ? null : compared}
        isMine={isMine}
        mayChange={mayChange}
        trouble={trouble}
        view={state}
        panelOf={tab => widget.panelOf(tab)}
        onSelect={(tab: Tab) => view.set({ tab })}
        onShowCell={cell => widget.showCell(cell)}
        onFollow={() => widget.follow()}
        onRetry={() => void model.load()}
        commands={commands}
        trans={trans}
      />
    </>
  );
}

function Pane({ widget }: { widget: RecordWidget }): JSX.Element | null {
  const { model, view, log, preview, inputs, outputs, steps, points } =
    widget.parts;
  const { client, comparison, events, runs, commands, trans } = widget.parts;
  const run = useSignal(model.changed, () => model.run);
  const { tab } = useSignal(view.changed, () => view.state);
  const text = useSignal(log.changed, () => log.log);
  const shown = useSignal(preview.changed, () => preview.preview);
  const found = useSignal(inputs.changed, () => inputs.inputs);
  const missing = useSignal(inputs.changed, () => inputs.trouble);
  const compared = useSignal(comparison.changed, () => comparison.comparison);
  const declared = useSignal(outputs.changed, () => outputs.outputs);
  const unread = useSignal(outputs.changed, () => outputs.trouble);
  const mayPublish = useSignal(
    runs.changed,
    () => run !== null && runs.mayChange(run)
  );
  if (!run) {
    return null;
  }
  switch (tab) {
    case 'report':
      return (
        <Report
          run={run}
          urlOf={code => client.reportUrl(run.id, code)}
          trans={trans}
        />
      );
    case 'steps':
      return (
        <StepsPane
          run={run}
          model={steps}
          client={client}
          events={events}
          runs={runs}
          onOpen={id => void commands.execute(CommandIDs.openRun, { id })}
          onReproduce={step =>
            void commands.execute(CommandIDs.reproduce, { id: run.id, step })
          }
          trans={trans}
        />
      );
    case 'points':
      return (
        <ItemsPane
          run={run}
          step={null}
          model={points}
          onOpen={id => void commands.execute(CommandIDs.openRun, { id })}
          trans={trans}
        />
      );
    case 'log':
      return <LogView log={text} live={!isTerminal(run)} trans={trans} />;
    case 'parameters':
      return (
        <Parameters run={run} trans={trans}>
          <Inputs
            inputs={found}
            trouble={missing}
            onOpen={() => void inputs.load()}
            trans={trans}
          />
          {run.state === 'succeeded' && (
            <details
              onToggle={event =>
                event.currentTarget.open && void comparison.load()
              }
            >
              <summary>
                {trans.__('Differences from the success before')}
              </summary>
              {compared ? (
                <Comparison
                  comparison={compared}
                  onOpen={id =>
                    void commands.execute(CommandIDs.openRun, { id })
                  }
                  trans={trans}
                />
              ) : (
                <p className="dl-Empty">{trans.__('Loading…')}</p>
              )}
            </details>
          )}
        </Parameters>
      );
    case 'artifacts':
      return (
        <>
          <DeclaredOutputs
            outputs={declared}
            trouble={unread}
            mayPublish={mayPublish}
            onRetry={() => void outputs.load()}
            onOpen={({ contents_path: path }) =>
              void commands.execute('docmanager:open', { path })
            }
            onDownload={({ path }) => download(client.outputUrl(run.id, path))}
            onPublish={overwrite => void outputs.publish(overwrite)}
            trans={trans}
          />
          <Artifacts
            run={run}
            preview={shown}
            onPreview={artifact => void preview.open(artifact)}
            onClosePreview={() => preview.close()}
            onDownload={({ path }) =>
              void commands.execute(CommandIDs.downloadArtifact, {
                id: run.id,
                path
              })
            }
            trans={trans}
          />
        </>
      );
    default:
      return null;
  }
}
