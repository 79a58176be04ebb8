import { Notification } from '@jupyterlab/apputils';
import type { Contents } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';
import { YFile } from '@jupyter/ydoc';

import type { Client } from '../../../api';
import { PipelineDocument } from '../document';
import { FilesToSteps } from '../files';
import { guessesIn } from '../guesses';
import { Selection } from '../selection';

const trans = nullTranslator.load('dataops_lab');

const CHAIN = `version: 1
steps:
  extract:  # slow
    notebook: extract.ipynb
  report:
    notebook: report.ipynb
    needs: [extract]
    files: [{from: extract, paths: [raw.csv]}]
`;

/** A suggestion of the server for extract, clean and report. */
const SUGGESTED = `version: 1
steps:
  extract_1:
    notebook: extract.ipynb
  clean_1:
    notebook: sub/clean.ipynb
    needs: [extract_1]  # guessed
  report_1:
    notebook: report.ipynb
    needs: [extract_1, clean_1]  # guessed
    files:
      - {from: clean_1, paths: [clean.csv], into: .}  # guessed
`;

function open(source: string, suggest = jest.fn().mockRejectedValue('none')) {
  const file = YFile.create();
  file.updateSource(0, 0, source);
  const document = new PipelineDocument({ text: file, trans });
  const selection = new Selection();
  const parts = (path: string) => /^(?:(\w+):)?(.*)$/.exec(path)!;
  const files = new FilesToSteps({
    path: () => 'work/month.pipeline.yaml',
    document,
    selection,
    client: { pipelines: { suggest } } as unknown as Client,
    contents: {
      driveName: path => parts(path)[1] ?? '',
      localPath: path => parts(path)[2]
    } as Contents.IManager,
    trans
  });
  return { file, document, selection, files, suggest };
}

const needsOf = (document: PipelineDocument) =>
  Object.fromEntries(document.steps.map(({ id, needs }) => [id, needs]));

describe('FilesToSteps', () => {
  it('adds files with paths from the folder of the pipeline, and selects them', async () => {
    const { document, selection, files } = open(CHAIN);
    await files.add(['work/sub/Clean it.ipynb', 'shared/load.py']);
    const added = document.steps.slice(2);
    expect(added.map(({ kind, path }) => [kind, path])).toEqual([
      ['script', '../shared/load.py'],
      ['notebook', 'sub/Clean it.ipynb']
    ]);
    expect(selection.selected.steps).toEqual(added.map(({ id }) => id));
  });

  it('lets a file that is dropped on a step need that step', async () => {
    const { document, files, suggest } = open(CHAIN);
    await files.add(['work/mail.py'], { onto: 'report' });
    expect(needsOf(document).mail).toEqual(['report']);
    expect(suggest).not.toHaveBeenCalled();
  });

  it('puts files that are dropped on an edge between its steps', async () => {
    const { file, document, files } = open(CHAIN);
    await files.add(['work/clean.ipynb', 'work/check.py'], {
      between: { from: 'extract', to: 'report' }
    });
    expect(needsOf(document)).toEqual({
      extract: [],
      report: ['check', 'clean'],
      clean: ['extract'],
      check: ['extract']
    });
    expect(file.getSource()).toContain('{from: extract, paths: [raw.csv]}');
  });

  it('connects new steps as the server guesses, and marks the guesses', async () => {
    const suggest = jest.fn().mockResolvedValue({ content: SUGGESTED });
    const { file, document, files } = open(CHAIN, suggest);
    await files.add(['work/sub/clean.ipynb']);
    expect(suggest).toHaveBeenCalledWith(
      ['work/extract.ipynb', 'work/report.ipynb', 'work/sub/clean.ipynb'],
      'work'
    );
    expect(needsOf(document)).toEqual({
      extract: [],
      report: ['extract', 'clean'],
      clean: ['extract']
    });
    expect(guessesIn(file.getSource())).toEqual([
      { from: 'clean', to: 'report' },
      { from: 'extract', to: 'clean' }
    ]);
    expect(document.step('report')!.value.files).toEqual([
      { from: 'extract', paths: ['raw.csv'] },
      { from: 'clean', paths: ['clean.csv'], into: '.' }
    ]);
    expect(file.getSource()).toContain('extract:  # slow');
  });

  it('is undone at once', async () => {
    const suggest = jest.fn().mockResolvedValue({ content: SUGGESTED });
    const { file, files } = open(CHAIN, suggest);
    file.clearUndoHistory();
    await files.add(['work/sub/clean.ipynb']);
    expect(file.getSource()).not.toBe(CHAIN);
    file.undo();
    expect(file.getSource()).toBe(CHAIN);
  });

  it('adds no guess that would close a circle', async () => {
    const source = CHAIN.replace('needs: [extract]', 'needs: []').replace(
      '  extract:  # slow\n',
      '  extract:\n    needs: [report]\n'
    );
    const suggest = jest.fn().mockResolvedValue({ content: SUGGESTED });
    const { document, files } = open(source, suggest);
    await files.add(['work/sub/clean.ipynb']);
    expect(needsOf(document)).toEqual({
      extract: ['report'],
      report: [],
      clean: ['extract']
    });
  });

  it('says why a file cannot be a step', () => {
    const { files } = open(CHAIN);
    expect(files.refuse('work/a.ipynb')).toBeNull();
    expect(files.refuse('work/a.csv')).toContain('a.csv is neither');
    expect(files.refuse('work/b.pipeline.yaml')).toContain('a pipeline');
    expect(files.refuse('cloud:work/a.ipynb')).toContain('another drive');
  });

  it('adds nothing to a text that cannot be read', async () => {
    const error = jest.spyOn(Notification, 'error').mockReturnValue('');
    const { file, files } = open('steps: [');
    expect(files.refuse('work/a.ipynb')).toContain('Correct the text');
    await files.add(['work/a.ipynb']);
    expect(file.getSource()).toBe('steps: [');
    error.mockRestore();
  });
});
