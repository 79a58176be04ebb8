import {
  ILayoutRestorer,
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { InputDialog, WidgetTracker } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { IMainMenu } from '@jupyterlab/mainmenu';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { addToPipelineArgs, noArgs } from '../../shared/args';
import { pipelineIcon } from '../../shared/icons';
import { kindOfPath } from '../../shared/kinds';
import { reportFailure } from '../../shared/report';
import { runnablePaths } from '../../shared/selection';
import { CommandIDs, IDataOps } from '../../tokens';
import { addEditorCommands } from './commands';
import {
  PipelineEditor,
  PipelineEditorFactory,
  PipelineWidget
} from './widget';

/** The name of the editor in *Open With*. */
const FACTORY = 'Pipeline';

export const pipelineEditor: JupyterFrontEndPlugin<void> = {
  id: 'dataops-lab:pipeline-editor',
  description:
    'The editor of pipelines: a graph, drawn of the text of the file.',
  autoStart: true,
  requires: [IDataOps, IDocumentManager],
  optional: [ITranslator, ILayoutRestorer, IMainMenu, IFileBrowserFactory],
  activate: (
    app: JupyterFrontEnd,
    dataOps: IDataOps,
    documents: IDocumentManager,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null,
    mainMenu: IMainMenu | null,
    browsers: IFileBrowserFactory | null
  ) => {
    const { commands, docRegistry } = app;
    const { contents } = app.serviceManager;
    const trans = (translator ?? nullTranslator).load('dataops_lab');
    const open = (path: string) => void documents.openOrReveal(path);

    const tracker = new WidgetTracker<PipelineWidget>({
      namespace: 'dataops-pipeline-editor'
    });
    const factory = new PipelineEditorFactory(
      {
        name: FACTORY,
        label: trans.__('Pipeline'),
        modelName: 'text',
        fileTypes: ['dataops-pipeline'],
        defaultFor: ['dataops-pipeline']
      },
      { client: dataOps.client, contents, onOpen: open, trans }
    );
    docRegistry.addWidgetFactory(factory);
    factory.widgetCreated.connect((_, widget) => {
      widget.context.pathChanged.connect(() => void tracker.save(widget));
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

    for (const act of ['undo', 'redo'] as const) {
      mainMenu?.editMenu.undoers[act].add({
        id: `dataops:pipeline-${act}`,
        isEnabled: widget => tracker.has(widget)
      });
      commands.addCommand(`dataops:pipeline-${act}`, {
        describedBy: noArgs,
        execute: () => editorInFront()?.context.model.sharedModel[act]()
      });
    }

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
