import { Notification } from '@jupyterlab/apputils';
import type { Contents } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';

import type { Client, PipelineSuggestion } from '../../api';
import { createPipeline } from '../create';

const SUGGESTION: PipelineSuggestion = {
  folder: 'sales',
  name: 'sales.pipeline.yaml',
  content: 'version: 1\n',
  guesses: [
    { from: 'extract', to: 'report', path: 'a.csv' },
    { from: 'extract', to: 'report', path: 'b.csv' }
  ]
};

/** A contents manager with a drive in front of its paths, as collaboration has it. */
class Files {
  readonly names = new Set<string>();
  readonly saved: [string, unknown][] = [];
  isAway = false;

  localPath(path: string): string {
    return path.replace(/^RTC:/, '');
  }

  async get(folder: string): Promise<unknown> {
    if (this.isAway) {
      throw new Error('Away.');
    }
    return folder === 'RTC:sales'
      ? { content: [...this.names].map(name => ({ name })) }
      : { content: [] };
  }

  async save(path: string, { content }: { content: unknown }): Promise<void> {
    this.saved.push([path, content]);
  }
}

describe('createPipeline', () => {
  let asked: unknown[];
  let opened: string[];
  let told: string[];
  let files: Files;

  const create = (
    paths: string[],
    suggestion: PipelineSuggestion = SUGGESTION
  ) =>
    createPipeline({
      paths,
      folder: 'RTC:sales',
      client: {
        pipelines: {
          suggest: async (...args: unknown[]) => {
            asked.push(...args);
            return suggestion;
          }
        }
      } as unknown as Client,
      contents: files as unknown as Contents.IManager,
      open: path => opened.push(path),
      trans: nullTranslator.load('dataops_lab')
    });

  beforeEach(() => {
    asked = [];
    opened = [];
    told = [];
    files = new Files();
    jest
      .spyOn(Notification, 'info')
      .mockImplementation(message => told.push(message) as never);
  });

  it('saves the file beside the notebooks and opens it', async () => {
    await create(['RTC:sales/1_extract.ipynb', 'RTC:sales/2_report.ipynb']);
    expect(asked).toEqual([
      ['sales/1_extract.ipynb', 'sales/2_report.ipynb'],
      'sales'
    ]);
    const path = 'RTC:sales/sales.pipeline.yaml';
    expect(files.saved).toEqual([[path, 'version: 1\n']]);
    expect(opened).toEqual([path]);
  });

  it('says which edges are guesses, each of them once', async () => {
    await create(['a.ipynb', 'b.ipynb']);
    expect(told).toHaveLength(1);
    expect(told[0].match(/extract → report/g)).toHaveLength(1);
  });

  it('says so when it found no order', async () => {
    await create(['a.ipynb', 'b.ipynb'], { ...SUGGESTION, guesses: [] });
    expect(told[0]).toContain('Connect steps');
  });

  it('says nothing about an example', async () => {
    await create([]);
    expect(told).toEqual([]);
  });

  it('writes over no file', async () => {
    files.names.add('sales.pipeline.yaml');
    files.names.add('sales-2.pipeline.yaml');
    await create([]);
    expect(files.saved[0][0]).toBe('RTC:sales/sales-3.pipeline.yaml');
  });

  it('writes nothing when it cannot tell whether the file is there', async () => {
    files.isAway = true;
    await expect(create([])).rejects.toThrow();
    expect(files.saved).toEqual([]);
  });

  it('keeps a name that the server gives inside of the folder', async () => {
    await create([], { ...SUGGESTION, name: '../../etc/x.pipeline.yaml' });
    expect(files.saved[0][0]).toBe('RTC:sales/x.pipeline.yaml');
  });
});
