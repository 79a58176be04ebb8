import {
  ILabShell,
  ILayoutRestorer,
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import {
  ICommandPalette,
  Notification,
  WidgetTracker
} from '@jupyterlab/apputils';
import { IEditorServices } from '@jupyterlab/codeeditor';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { checkIcon, deleteIcon, downloadIcon } from '@jupyterlab/ui-components';

import type { JobKind, Run, RunSummary } from '../api';
import { viewArea } from '../shared/area';
import { artifactArgs, openRunArgs, runArgs } from '../shared/args';
import { askConfirmation } from '../shared/confirm';
import { download } from '../shared/download';
import { dataOpsIcon, keepIcon } from '../shared/icons';
import { iconOfKind } from '../shared/kinds';
import { reportFailure, reportSuccess } from '../shared/report';
import { isTerminal } from '../shared/runs';
import { CommandIDs, IDataOps, IRuns } from '../tokens';
import { notifyOfRuns } from './notifications';
import type { RecordWidget } from './widget';

type Args = { id?: unknown };

export const records: JupyterFrontEndPlugin<void> = {
  id: 'dataops-lab:records',
  description: 'One run: live while it runs, a record afterwards.',
  autoStart: true,
  requires: [
    IDataOps,
    IRuns,
    IRenderMimeRegistry,
    IEditorServices,
    IDocumentManager
  ],
  optional: [ITranslator, ICommandPalette, ILayoutRestorer, ILabShell],
  activate: (
    app: JupyterFrontEnd,
    dataOps: IDataOps,
    runs: IRuns,
    rendermime: IRenderMimeRegistry,
    editorServices: IEditorServices,
    documents: IDocumentManager,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    labShell: ILabShell | null
  ) => {
    const { commands, shell } = app;
    const { client } = dataOps;
    translator ??= nullTranslator;
    const trans = translator.load('dataops_lab');
    const options = {
      runs,
      commands,
      rendermime,
      editorServices,
      translator
    };
    const tracker = new WidgetTracker<RecordWidget>({
      namespace: 'dataops-runs'
    });

    // A command without the id of a run acts on the record in front.
    shell.currentChanged?.connect(() => {
      const current = tracker.currentWidget;
      const isInFront = current !== null && shell.currentWidget === current;
      runs.current = isInFront ? current.model.id : null;
      commands.notifyCommandChanged();
    });
    const idOf = (args: Args) =>
      (args.id as string | undefined) ?? runs.current ?? undefined;
    const recordOf = (args: Args) =>
      tracker.find(widget => widget.model.id === idOf(args));
    const runOf = async (args: Args): Promise<Run> => {
      const id = idOf(args)!;
      return recordOf(args)?.model.run ?? client.run(id);
    };

    const knownRun = (args: Args): RunSummary | undefined => {
      const id = idOf(args);
      return recordOf(args)?.model.run ?? (id ? runs.get(id) : undefined);
    };
    const kindOf = (args: Args): JobKind => knownRun(args)?.kind ?? 'notebook';
    /** Tell whether a run has a record; undefined when only the server knows. */
    const hasRecord = (args: Args): boolean | undefined => {
      const run = recordOf(args)?.model.run;
      if (run) {
        return run.digests.record !== null;
      }
      const known = knownRun(args);
      return known && !isTerminal(known) ? false : undefined;
    };

    commands.addCommand(CommandIDs.openRun, {
      label: trans.__('Open Run'),
      icon: dataOpsIcon,
      describedBy: openRunArgs,
      isEnabled: args => args.id !== undefined,
      execute: async args => {
        const id = args.id as string;
        const { createRecord } = await import('./create');
        let record = recordOf({ id });
        if (!record) {
          record = createRecord(id, dataOps, options);
          void tracker.add(record);
          shell.add(record, viewArea(labShell), {
            ref: args.ref as string | undefined,
            mode: args.ref === undefined ? undefined : 'tab-after',
            activate: false
          });
        }
        if (args.activate !== false) {
          shell.activateById(record.id);
        }
      }
    });

    commands.addCommand(CommandIDs.openNotebook, {
      label: args =>
        ({
          notebook: trans.__('Open Notebook'),
          script: trans.__('Open Script'),
          command: trans.__('Open Pipeline'),
          pipeline: trans.__('Open Pipeline'),
          sweep: trans.__('Open Source')
        })[kindOf(args)],
      caption: trans.__('Open the file that this run was made of'),
      icon: args => iconOfKind(kindOf(args)),
      describedBy: runArgs,
      isEnabled: args => idOf(args) !== undefined && kindOf(args) !== 'command',
      execute: async args => {
        try {
          const { openSource } = await import('./openSource');
          const executedNotebook = recordOf(args)?.model.notebook ?? null;
          await openSource(
            await runOf(args),
            executedNotebook,
            documents,
            client,
            trans
          );
        } catch (reason) {
          reportFailure(reason);
        }
      }
    });

    commands.addCommand(CommandIDs.downloadRecord, {
      label: trans.__('Download Record'),
      caption: trans.__(
        'All that the run left, with its parameters and code, in one ZIP file'
      ),
      icon: downloadIcon,
      describedBy: runArgs,
      isEnabled: args => {
        const id = idOf(args);
        return Boolean(id && hasRecord(args) !== false);
      },
      execute: args => download(client.recordUrl(idOf(args)!))
    });

    commands.addCommand(CommandIDs.keep, {
      label: args =>
        knownRun(args)?.kept_at ? trans.__('Remove Hold') : trans.__('Keep'),
      caption: args =>
        knownRun(args)?.kept_at
          ? trans.__('The run may be deleted again')
          : trans.__(
              'A kept run is never deleted, neither by a person nor by a retention rule'
            ),
      icon: keepIcon,
      describedBy: runArgs,
      isEnabled: args => {
        const run = knownRun(args);
        return Boolean(run && !run.parent && runs.mayChange(run));
      },
      execute: async args => {
        const run = knownRun(args)!;
        await runs.keep(run.id, run.kept_at === null).catch(reportFailure);
      }
    });

    commands.addCommand(CommandIDs.deleteRun, {
      label: trans.__('Delete…'),
      caption: trans.__('Delete this run with its record'),
      icon: deleteIcon,
      describedBy: runArgs,
      isEnabled: args => {
        const run = knownRun(args);
        return Boolean(
          run &&
          isTerminal(run) &&
          run.kept_at === null &&
          // The step of a pipeline goes with its pipeline only.
          !run.parent &&
          runs.mayChange(run)
        );
      },
      execute: async args => {
        const run = await runOf(args);
        const isConfirmed = await askConfirmation(
          {
            title: trans.__('Delete this run of %1?', run.job.name),
            body: trans.__(
              'Its record goes with it, for good: notebook, values, artifacts and log.'
            ),
            verb: trans.__('Delete')
          },
          trans
        );
        if (isConfirmed) {
          await runs.delete(run.id).catch(reportFailure);
        }
      }
    });
    // The record closes also when another person or a rule deletes the run.
    runs.runDeleted.connect((_, id) => recordOf({ id })?.close());

    commands.addCommand(CommandIDs.verify, {
      label: trans.__('Verify Record'),
      caption: trans.__('Read every byte of this record again'),
      icon: checkIcon,
      describedBy: runArgs,
      isEnabled: args => Boolean(knownRun(args)) && hasRecord(args) !== false,
      execute: async args => {
        try {
          const { id } = await runOf(args);
          const { integrity_errors: damage } = await client.verify(id);
          recordOf({ id })?.model.refresh();
          const damaged = Object.keys(damage);
          if (damaged.length) {
            Notification.error(
              trans.__('The record is damaged: %1', damaged.join(', ')),
              { autoClose: false }
            );
          } else {
            reportSuccess(
              trans.__('Every byte of the record is as it was stored.')
            );
          }
        } catch (reason) {
          reportFailure(reason);
        }
      }
    });

    commands.addCommand(CommandIDs.downloadArtifact, {
      label: trans.__('Download Artifact'),
      icon: downloadIcon,
      describedBy: artifactArgs,
      isEnabled: args => args.path !== undefined,
      execute: args =>
        download(client.artifactUrl(idOf(args)!, args.path as string))
    });

    const category = trans.__('DataOps');
    for (const command of [
      CommandIDs.openNotebook,
      CommandIDs.downloadRecord,
      CommandIDs.verify,
      CommandIDs.keep,
      CommandIDs.deleteRun
    ]) {
      palette?.addItem({ command, category });
    }
    if (restorer) {
      void restorer.restore(tracker, {
        command: CommandIDs.openRun,
        args: record => ({ id: record.model.id, activate: false }),
        name: record => record.model.id
      });
    }
    notifyOfRuns({
      runs,
      isInView: run => recordOf(run)?.isVisible ?? false,
      open: ({ id }) => void commands.execute(CommandIDs.openRun, { id }),
      trans
    });
  }
};
