import {
  ILayoutRestorer,
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import {
  CommandToolbarButton,
  ICommandPalette,
  InputDialog,
  WidgetTracker
} from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { IMainMenu } from '@jupyterlab/mainmenu';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { addIcon, redoIcon, undoIcon } from '@jupyterlab/ui-components';

import { addToPipelineArgs, noArgs } from '../../shared/args';
import { pipelineIcon } from '../../shared/icons';
import { kindOfPath } from '../../shared/kinds';
import { reportFailure } from '../../shared/report';
import { runnablePaths } from '../../shared/selection';
import { CommandIDs, IDataOps } from '../../tokens';
import { addEditorCommands } from './commands';
import { EditorView, EditorViewState } from './view';
import {
  PipelineEditor,
  PipelineEditorFactory,
  PipelineWidget
} from './widget';

/** The name of the editor in *Open With*. */
const FACTORY = 'Pipeline';
const SHOWN_AS = 'dataops-lab:pipeline-shown-as';

export const pipelineEditor: JupyterFrontEndPlugin<void> = {
  id: 'dataops-lab:pipeline-editor',
  description:
    'The editor of pipelines: a graph, drawn of the text of the file.',
  autoStart: true,
  requires: [IDataOps, IDocumentManager],
  optional: [
    ITranslator,
    ILayoutRestorer,
    IMainMenu,
    IFileBrowserFactory,
    IStateDB,
    ICommandPalette
  ],
  activate: (
    app: JupyterFrontEnd,
    dataOps: IDataOps,
    documents: IDocumentManager,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null,
    mainMenu: IMainMenu | null,
    browsers: IFileBrowserFactory | null,
    state: IStateDB | null,
    palette: ICommandPalette | null
  ) => {
    const { commands, docRegistry } = app;
    const { contents } = app.serviceManager;
    const trans = (translator ?? nullTranslator).load('dataops_lab');
    const open = (path: string) => void documents.openOrReveal(path);

    let shownAs: EditorViewState['steps'] = 'graph';
    void state?.fetch(SHOWN_AS).then(remembered => {
      shownAs = remembered === 'list' ? 'list' : 'graph';
    });
    const newView = () => {
      const view = new EditorView(shownAs);
      view.changed.connect(() => {
        if (view.state.steps !== shownAs) {
          shownAs = view.state.steps;
          void state?.save(SHOWN_AS, shownAs);
        }
      });
      return view;
    };

    /** The commands of the toolbar. Those that Lab has too are shown by their icon alone. */
    const toolbar: [string, string][] = [
      ['docmanager:save', ''],
      [CommandIDs.undoPipeline, ''],
      [CommandIDs.redoPipeline, ''],
      [CommandIDs.addStep, trans.__('Add step')],
      [CommandIDs.checkPipeline, trans.__('Check')],
      [CommandIDs.runAsJob, trans.__('Run…')]
    ];

    const tracker = new WidgetTracker<PipelineWidget>({
      namespace: 'dataops-pipeline-editor'
    });
    const factory = new PipelineEditorFactory(
      {
        name: FACTORY,
        label: trans.__('Pipeline'),
        modelName: 'text',
        fileTypes: ['dataops-pipeline'],
        defaultFor: ['dataops-pipeline'],
        toolbarFactory: ({ content }) =>
          toolbar.map(([id, label]) => {
            const widget = new CommandToolbarButton({
              commands,
              id,
              args: { toolbar: true },
              label
            });
            widget.addClass('dl-ToolbarButton');
            if (id === CommandIDs.addStep) {
              content.opened.then(
                pipeline => widget.setHidden(pipeline.isReadOnly),
                () => undefined
              );
            }
            return { name: id, widget };
          })
      },
      {
        client: dataOps.client,
        contents,
        kernels: app.serviceManager.kernelspecs,
        documents,
        onOpen: open,
        newView,
        trans
      }
    );
    docRegistry.addWidgetFactory(factory);
    factory.widgetCreated.connect((_, widget) => {
      widget.context.pathChanged.connect(() => void tracker.save(widget));
      widget.context.model.stateChanged.connect(() =>
        commands.notifyCommandChanged('docmanager:save')
      );
      void tracker.add(widget);
    });
    if (restorer) {
      void restorer.restore(tracker, {
        command: 'docmanager:open',
        args: ({ context }) => ({ path: context.path, factory: FACTORY }),
        name: ({ context }) => context.path
      });
    }

    /** Return the editor in front, also while it loads. */
    const editorInFront = (): PipelineEditor | null =>
      tracker.currentWidget === app.shell.currentWidget
        ? (tracker.currentWidget?.content ?? null)
        : null;
    addEditorCommands({
      commands,
      current: () => editorInFront()?.pipeline ?? null,
      open,
      trans
    });

    for (const [act, id, label, icon] of [
      ['undo', CommandIDs.undoPipeline, trans.__('Undo'), undoIcon],
      ['redo', CommandIDs.redoPipeline, trans.__('Redo'), redoIcon]
    ] as const) {
      mainMenu?.editMenu.undoers[act].add({
        id,
        isEnabled: widget => tracker.has(widget)
      });
      commands.addCommand(id, {
        label,
        icon,
        describedBy: noArgs,
        execute: () => editorInFront()?.context.model.sharedModel[act]()
      });
    }
    commands.addCommand(CommandIDs.addStep, {
      label: trans.__('Add Step'),
      caption: trans.__('Add a step to this pipeline'),
      icon: addIcon,
      describedBy: noArgs,
      isEnabled: () => {
        const editor = editorInFront();
        return editor !== null && !editor.pipeline?.isReadOnly;
      },
      execute: () => editorInFront()?.view.set({ isAdding: true })
    });
    palette?.addItem({
      command: CommandIDs.addStep,
      category: trans.__('DataOps')
    });

    const selectedSteps = () =>
      runnablePaths(browsers).filter(path => kindOfPath(path) !== 'pipeline');
    /** Return the pipelines that are open, and those in the folder of a file. */
    const pipelinesNear = async (path: string): Promise<string[]> => {
      const opened: string[] = [];
      tracker.forEach(({ context }) => opened.push(context.path));
      const folder = await contents.get(PathExt.dirname(path));
      const paths = (folder.content as { path: string }[])
        .map(file => file.path)
        .filter(file => kindOfPath(file) === 'pipeline');
      return [...new Set([...opened, ...paths])];
    };
    commands.addCommand(CommandIDs.addToPipeline, {
      label: trans.__('Add to Pipeline…'),
      caption: trans.__(
        'Add a step for each selected file to a pipeline; the order is guessed'
      ),
      icon: pipelineIcon,
      describedBy: addToPipelineArgs,
      isVisible: () => selectedSteps().length > 0,
      execute: async args => {
        const paths = selectedSteps();
        try {
          const near = args.pipeline
            ? [args.pipeline as string]
            : await pipelinesNear(paths[0]);
          if (!near.length) {
            await commands.execute(CommandIDs.newPipeline, {
              paths,
              cwd: PathExt.dirname(paths[0])
            });
            return;
          }
          const chosen =
            near.length === 1
              ? near[0]
              : (
                  await InputDialog.getItem({
                    title: trans.__('Add to which pipeline?'),
                    items: near,
                    okLabel: trans.__('Add')
                  })
                ).value;
          const widget = chosen && documents.openOrReveal(chosen, FACTORY);
          if (widget) {
            const pipeline = await (widget.content as PipelineEditor).opened;
            await pipeline.files.add(paths);
          }
        } catch (reason) {
          reportFailure(reason);
        }
      }
    });
  }
};
