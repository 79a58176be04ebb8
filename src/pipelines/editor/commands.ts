import type { CommandRegistry } from '@lumino/commands';
import { TranslationBundle } from '@jupyterlab/translation';

import { noArgs } from '../../shared/args';
import { reportFailure } from '../../shared/report';
import { CommandIDs } from '../../tokens';
import type { OpenPipeline } from './open';

/** Add the commands that act on what is selected in the editor in front. */
export function addEditorCommands(options: {
  commands: CommandRegistry;
  /** Return the pipeline in front, or null. */
  current: () => OpenPipeline | null;
  /** Open a notebook or script, by its path in Lab. */
  open: (path: string) => void;
  trans: TranslationBundle;
}): void {
  const { commands, current, open, trans } = options;
  const selected = () =>
    current()?.selection.selected ?? { steps: [], edges: [] };
  const edit = (act: (pipeline: OpenPipeline) => void) => () => {
    const pipeline = current();
    try {
      pipeline?.document.batch(() => act(pipeline));
    } catch (reason) {
      reportFailure(reason);
    }
  };

  const canEdit = () => current()?.document.refusal === null;

  const pathToOpen = () => {
    const [step, ...others] = selected().steps;
    return step && !others.length ? current()!.pathOf(step) : null;
  };
  commands.addCommand(CommandIDs.openStep, {
    label: trans.__('Open'),
    caption: trans.__('Open the notebook or script of this step'),
    describedBy: noArgs,
    isVisible: () => selected().steps.length > 0,
    isEnabled: () => pathToOpen() !== null,
    execute: () => open(pathToOpen()!)
  });

  const guesses = () => current()?.guessesAmong(selected().edges) ?? [];
  commands.addCommand(CommandIDs.confirmGuesses, {
    label: () =>
      trans._n('Confirm the Guess', 'Confirm %1 Guesses', guesses().length),
    caption: trans.__('These steps do need one another'),
    describedBy: noArgs,
    isVisible: () => guesses().length > 0,
    isEnabled: canEdit,
    execute: edit(pipeline => pipeline.confirm(guesses()))
  });

  const areDisabled = () =>
    selected().steps.every(id => current()!.document.step(id)?.disabled);
  commands.addCommand(CommandIDs.toggleSteps, {
    label: () => (areDisabled() ? trans.__('Enable') : trans.__('Disable')),
    caption: trans.__('A step that is disabled never runs'),
    describedBy: noArgs,
    isVisible: () => selected().steps.length > 0,
    isEnabled: canEdit,
    execute: edit(({ document }) => {
      const disabled = areDisabled() ? undefined : true;
      for (const id of selected().steps) {
        document.set(id, ['disabled'], disabled);
      }
    })
  });

  commands.addCommand(CommandIDs.selectAllSteps, {
    label: trans.__('Select All Steps'),
    describedBy: noArgs,
    execute: () => {
      const pipeline = current();
      pipeline?.selection.set({
        steps: pipeline.document.steps.map(({ id }) => id),
        edges: []
      });
    }
  });

  commands.addCommand(CommandIDs.removeFromPipeline, {
    label: () => {
      const { steps, edges } = selected();
      return steps.length || !edges.length
        ? trans._n('Remove Step', 'Remove %1 Steps', steps.length || 1)
        : trans._n('Disconnect', 'Disconnect %1 Times', edges.length);
    },
    caption: trans.__('Files and runs stay as they are'),
    describedBy: noArgs,
    isVisible: () => selected().steps.length + selected().edges.length > 0,
    isEnabled: () =>
      canEdit() && selected().steps.length + selected().edges.length > 0,
    execute: edit(({ document }) => {
      const { steps, edges } = selected();
      for (const { from, to } of edges) {
        document.disconnect(from, to);
      }
      steps.forEach(id => document.removeStep(id));
    })
  });
}
