import { YFile } from '@jupyter/ydoc';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import type { Contents, KernelSpec } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';

import type { Client } from '../../../api';
import { CommandIDs } from '../../../tokens';
import { addEditorCommands } from '../commands';
import { OpenOptions, OpenPipeline } from '../open';

const trans = nullTranslator.load('dataops_lab');

const CHAIN = `steps:
  extract:
    notebook: ../data/extract.ipynb
  clean:
    script: clean.py
    needs: [extract]  # guessed
  tell:
    command: [echo, done]
    needs: [clean]
`;

function open(path = 'work/month.pipeline.yaml', writable = true) {
  const file = YFile.create();
  file.updateSource(0, 0, CHAIN);
  file.clearUndoHistory();
  const parts = (each: string) => /^(?:(\w+):)?(.*)$/.exec(each)!;
  const pipeline = new OpenPipeline({
    context: {
      path,
      model: { sharedModel: file },
      contentsModel: { writable }
    } as unknown as OpenOptions['context'],
    client: {
      pipelines: { validate: async () => ({ problems: [] }) }
    } as unknown as Client,
    contents: {
      driveName: each => parts(each)[1] ?? '',
      localPath: each => parts(each)[2]
    } as Contents.IManager,
    kernels: {} as KernelSpec.IManager,
    documents: {} as IDocumentManager,
    trans
  });
  const opened: string[] = [];
  const commands = new CommandRegistry();
  addEditorCommands({
    commands,
    current: () => pipeline,
    open: each => opened.push(each),
    trans
  });
  return { file, pipeline, commands, opened };
}

describe('OpenPipeline', () => {
  it('finds the file of a step, in the drive of the pipeline too', () => {
    expect(open().pipeline.pathOf('extract')).toBe('data/extract.ipynb');
    expect(open('month.pipeline.yaml').pipeline.pathOf('clean')).toBe(
      'clean.py'
    );
    expect(open('RTC:a/b/month.pipeline.yaml').pipeline.pathOf('extract')).toBe(
      'RTC:a/data/extract.ipynb'
    );
    expect(open().pipeline.pathOf('tell')).toBeNull();
    expect(open().pipeline.pathOf('gone')).toBeNull();
  });

  it('forgets a selected step that is gone, and its edges', () => {
    const { file, pipeline } = open();
    pipeline.selection.set({
      steps: ['clean', 'tell'],
      edges: pipeline.document.edges
    });
    file.setSource(CHAIN.replace(/ {2}tell:[^]*/, ''));
    expect(pipeline.selection.selected).toEqual({
      steps: ['clean'],
      edges: [{ from: 'extract', to: 'clean' }]
    });
  });
});

describe('a file that is read-only', () => {
  it('is not changed by commands, files or edits, and each says why', () => {
    const { file, pipeline, commands } = open(undefined, false);
    pipeline.selection.set({
      steps: ['clean'],
      edges: [{ from: 'extract', to: 'clean' }]
    });
    for (const id of [
      CommandIDs.removeFromPipeline,
      CommandIDs.toggleSteps,
      CommandIDs.confirmGuesses
    ]) {
      expect(commands.isEnabled(id)).toBe(false);
    }
    expect(pipeline.files.refuse('work/new.ipynb')).toContain('read-only');
    expect(() => pipeline.document.removeStep('tell')).toThrow('read-only');
    expect(() => pipeline.document.connect('extract', 'tell')).toThrow(
      'read-only'
    );
    expect(file.getSource()).toBe(CHAIN);
  });
});

describe('the commands of the editor', () => {
  it('remove steps and edges, and all of it is undone at once', async () => {
    const { file, pipeline, commands } = open();
    expect(commands.isEnabled(CommandIDs.removeFromPipeline)).toBe(false);
    pipeline.selection.set({
      steps: ['tell'],
      edges: [{ from: 'extract', to: 'clean' }]
    });
    await commands.execute(CommandIDs.removeFromPipeline);
    expect(file.getSource()).toBe(
      'steps:\n  extract:\n    notebook: ../data/extract.ipynb\n' +
        '  clean:\n    script: clean.py\n'
    );
    expect(pipeline.selection.selected).toEqual({ steps: [], edges: [] });
    file.undo();
    expect(file.getSource()).toBe(CHAIN);
  });

  it('disable the selected steps, and enable them when all are disabled', async () => {
    const { pipeline, commands } = open();
    const disabled = () =>
      pipeline.document.steps.filter(step => step.disabled).map(({ id }) => id);
    pipeline.selection.set({ steps: ['extract', 'tell'], edges: [] });
    await commands.execute(CommandIDs.toggleSteps);
    expect(disabled()).toEqual(['extract', 'tell']);
    expect(commands.label(CommandIDs.toggleSteps)).toBe('Enable');
    await commands.execute(CommandIDs.toggleSteps);
    expect(pipeline.document.source).toBe(CHAIN);
  });

  it('confirm the guesses among the selected edges', async () => {
    const { pipeline, commands } = open();
    pipeline.selection.set({ edges: [{ from: 'clean', to: 'tell' }] });
    expect(commands.isVisible(CommandIDs.confirmGuesses)).toBe(false);
    pipeline.selection.set({ edges: pipeline.document.edges });
    await commands.execute(CommandIDs.confirmGuesses);
    expect(pipeline.document.source).toBe(CHAIN.replace('  # guessed', ''));
  });

  it('open the file of the one step that is selected', async () => {
    const { pipeline, commands, opened } = open();
    pipeline.selection.select('tell');
    expect(commands.isEnabled(CommandIDs.openStep)).toBe(false);
    await commands.execute(CommandIDs.selectAllSteps);
    expect(commands.isEnabled(CommandIDs.openStep)).toBe(false);
    pipeline.selection.select('clean');
    await commands.execute(CommandIDs.openStep);
    expect(opened).toEqual(['work/clean.py']);
  });
});
