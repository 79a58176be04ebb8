import { YFile } from '@jupyter/ydoc';
import { nullTranslator } from '@jupyterlab/translation';

import { EditRefused, PipelineDocument } from '../document';

const trans = nullTranslator.load('dataops_lab');

const SALES = `# Monthly figures
version: 1   # the format

steps:
    # Reads the month from the warehouse.
    # It takes an hour.
    extract:
        notebook: "01_extract.ipynb"   # slow
        with: {month: {cel: params.month}}

    check: {notebook: 02_check.ipynb, needs: [extract]}  # quick

    # Asks somebody.
    publish:
        approve:
            ask: |
                Are these figures
                right?
            who: [anna]
        needs:
        - check   # it comes last
        - extract
        if: steps.extract.values.rows > 0 && steps.check.state != 'steps.extract'
        # The end of the step.
# The end of the file.
`;

function open(source: string): { file: YFile; document: PipelineDocument } {
  const file = YFile.create();
  file.updateSource(0, 0, source);
  return { file, document: new PipelineDocument({ text: file, trans }) };
}

/** Return the lines that an edit took away and added. */
function edited(
  source: string,
  edit: (document: PipelineDocument) => void
): { gone: string[]; come: string[]; source: string } {
  const { file, document } = open(source);
  edit(document);
  const [before, after] = [source.split('\n'), file.getSource().split('\n')];
  let start = 0;
  while (start < before.length && before[start] === after[start]) {
    start++;
  }
  let tail = 0;
  while (
    tail < Math.min(before.length, after.length) - start &&
    before[before.length - 1 - tail] === after[after.length - 1 - tail]
  ) {
    tail++;
  }
  return {
    gone: before.slice(start, before.length - tail),
    come: after.slice(start, after.length - tail),
    source: file.getSource()
  };
}

describe('the document of a pipeline', () => {
  it('has the steps of its text, with their edges', () => {
    const { document } = open(SALES);
    expect(document.steps.map(step => [step.id, step.kind])).toEqual([
      ['extract', 'notebook'],
      ['check', 'notebook'],
      ['publish', 'approval']
    ]);
    expect(document.edges).toEqual([
      { from: 'extract', to: 'check' },
      { from: 'check', to: 'publish' },
      { from: 'extract', to: 'publish' }
    ]);
  });

  it('adds a step in the style of the file', () => {
    const { gone, come } = edited(SALES, document =>
      expect(
        document.addStep({
          kind: 'script',
          path: '04 Tidy-up.py',
          needs: ['publish']
        })
      ).toBe('tidy_up')
    );
    expect(gone).toEqual([]);
    expect(come).toEqual([
      '',
      '    tidy_up:',
      '        script: 04 Tidy-up.py',
      '        needs: [publish]'
    ]);
  });

  it('adds the first step to an empty file', () => {
    for (const start of [
      '',
      'version: 1\n',
      'version: 1\nsteps:\n',
      'steps: {}\n'
    ]) {
      const { source } = edited(start, document =>
        document.addStep({ kind: 'notebook', path: 'a.ipynb' })
      );
      expect(source).toBe('version: 1\nsteps:\n  a:\n    notebook: a.ipynb\n');
    }
  });

  it('takes a step out with its comments, and from the needs of others', () => {
    const { source } = edited(SALES, document =>
      document.removeStep('extract')
    );
    expect(source).not.toContain('hour');
    expect(source).toContain(
      'steps:\n    check: {notebook: 02_check.ipynb}  # quick\n'
    );
    expect(source).toContain('- check   # it comes last\n        if:');
  });

  it('renames a step in needs and expressions', () => {
    const { source } = edited(SALES, document =>
      document.renameStep('extract', 'load')
    );
    expect(source).toBe(
      SALES.replace('    extract:', '    load:')
        .replace('[extract]', '[load]')
        .replace('- extract', '- load')
        .replace('steps.extract.values', 'steps.load.values')
    );
  });

  it('renames a parameter in expressions', () => {
    const source = SALES.replace(
      'steps:',
      'parameters:\n    month: {type: date}   # which\n\nsteps:'
    );
    const { source: after } = edited(source, document =>
      document.renameParameter('month', 'day')
    );
    expect(after).toBe(
      source
        .replace('    month: {type', '    day: {type')
        .replace('{month: {cel: params.month}}', '{month: {cel: params.day}}')
    );
  });

  it('renames steps and parameters in outputs, and takes the outputs of a step out with it', () => {
    const text = `version: 1
parameters:
  month: {type: date}
outputs:
  - {step: train, path: "{month}.pkl", from: model.pkl}  # the model
  # for all
  - {step: report, path: "{month}/{item}.html", from: report}
steps:
  train: {notebook: train.ipynb}
  report: {notebook: report.ipynb}
`;
    const { source } = edited(text, document => {
      document.renameStep('report', 'tell');
      document.renameParameter('month', 'day');
    });
    expect(source).toBe(
      text
        .replace('{month}.pkl', '{day}.pkl')
        .replace('step: report, path: "{month}', 'step: tell, path: "{day}')
        .replace('month: {type', 'day: {type')
        .replace('  report: {', '  tell: {')
    );
    const { source: left } = edited(text, document =>
      document.removeStep('train')
    );
    expect(left).not.toContain('model.pkl');
    expect(left).toContain('{step: report, path: "{month}/{item}.html"');
    const { source: none } = edited(text, document => {
      document.removeStep('train');
      document.removeStep('report');
    });
    expect(none).not.toContain('outputs');
  });

  it('connects and disconnects without touching anything else', () => {
    const connected = edited(SALES, document => {
      document.addStep({ kind: 'command', command: ['ls'], id: 'list' });
      document.connect('check', 'list');
    });
    expect(connected.come).toContain('        needs: [check]');
    const disconnected = edited(SALES, document =>
      document.disconnect('extract', 'check')
    );
    expect(disconnected).toMatchObject({
      gone: [
        '    check: {notebook: 02_check.ipynb, needs: [extract]}  # quick'
      ],
      come: ['    check: {notebook: 02_check.ipynb}  # quick']
    });
  });

  it('refuses a circle', () => {
    const { document } = open(SALES);
    expect(document.canConnect('publish', 'extract')).toBe(false);
    expect(() => document.connect('publish', 'extract')).toThrow(EditRefused);
    expect(document.source).toBe(SALES);
  });

  it('undoes an edit in one step', () => {
    const { file, document } = open(SALES);
    file.undoManager.clear();
    document.removeStep('extract');
    document.moveStep('check', 1);
    file.undo();
    expect(document.steps.map(step => step.id)).toEqual(['check', 'publish']);
    file.undo();
    expect(document.source).toBe(SALES);
  });

  it('edits nothing in a text that cannot be read', () => {
    const { document } = open('version: 1\nsteps: [\n');
    expect(document.state.unreadable).toMatchObject({ line: 3 });
    expect(() =>
      document.addStep({ kind: 'notebook', path: 'a.ipynb' })
    ).toThrow(EditRefused);
  });
});
