import { Dialog } from '@jupyterlab/apputils';
import type { Contents } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';

import type { Client } from '../../api';
import { importElyra } from '../importElyra';

describe('importElyra', () => {
  let asked: string[];
  let saved: [string, unknown][];
  let opened: string[];
  let names: string[];

  const start = () =>
    importElyra('RTC:flows/month.pipeline', {
      client: {
        pipelines: {
          importElyra: async (path: string) => {
            asked.push(path);
            return {
              folder: 'flows',
              name: 'month.pipeline.yaml',
              content: 'version: 1\n',
              notes: []
            };
          }
        }
      } as unknown as Client,
      contents: {
        localPath: (path: string) => path.replace(/^RTC:/, ''),
        get: async () => ({ content: names.map(name => ({ name })) }),
        save: async (path: string, { content }: { content: unknown }) => {
          saved.push([path, content]);
        }
      } as unknown as Contents.IManager,
      open: path => opened.push(path),
      trans: nullTranslator.load('dataops_lab')
    });

  /** Wait for the dialog, and press a button of it. */
  const press = async (label: string) => {
    for (;;) {
      const buttons = [
        ...document.querySelectorAll<HTMLElement>('.jp-Dialog-button')
      ];
      const found = buttons.find(button => button.textContent === label);
      if (found) {
        found.click();
        return;
      }
      await new Promise(resolve => setTimeout(resolve));
    }
  };

  beforeEach(() => {
    [asked, saved, opened, names] = [[], [], [], ['month.pipeline']];
  });

  afterEach(() => {
    Dialog.flush();
  });

  it('saves the new file beside the old one, and opens it', async () => {
    const ended = start();
    await press('Save as month.pipeline.yaml');
    await ended;
    expect(asked).toEqual(['flows/month.pipeline']);
    expect(saved).toEqual([['RTC:flows/month.pipeline.yaml', 'version: 1\n']]);
    expect(opened).toEqual(['RTC:flows/month.pipeline.yaml']);
  });

  it('takes another name where there is such a file', async () => {
    names.push('month.pipeline.yaml');
    const ended = start();
    await press('Save as month-2.pipeline.yaml');
    await ended;
    expect(saved[0][0]).toBe('RTC:flows/month-2.pipeline.yaml');
  });

  it('saves nothing when it is cancelled', async () => {
    const ended = start();
    await press('Cancel');
    await ended;
    expect([saved, opened]).toEqual([[], []]);
  });
});
