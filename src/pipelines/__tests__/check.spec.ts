import { Dialog, Notification } from '@jupyterlab/apputils';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import type { Contents } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';
import { act, waitFor } from '@testing-library/react';

import type { Client, PipelineProblem } from '../../api';
import { checkPipeline } from '../check';

const PROBLEMS: PipelineProblem[] = [
  { message: 'There is no step extrac.', line: 12, column: 5, step: 'report' },
  { message: 'version is missing.', line: 1, column: 1, step: null }
];

describe('checkPipeline', () => {
  let asked: object[];
  let cursor: object | null;
  let dirty: boolean;

  const check = (problems: PipelineProblem[]) => {
    const editor = {
      setCursorPosition: (position: object) => (cursor = position),
      revealPosition: () => undefined,
      focus: () => undefined
    };
    const widget = {
      content: { editor },
      context: { ready: Promise.resolve() },
      revealed: Promise.resolve()
    };
    return checkPipeline('RTC:sales.pipeline.yaml', {
      client: {
        pipelines: {
          validate: async (request: object) => {
            asked.push(request);
            return { problems, steps: [] };
          }
        }
      } as unknown as Client,
      contents: {
        localPath: (path: string) => path.slice('RTC:'.length)
      } as unknown as Contents.IManager,
      documents: {
        findWidget: (_: string, factory: string) =>
          factory === 'Editor' ? widget : undefined,
        contextForWidget: () => ({
          model: { dirty, toString: () => 'steps: {}' }
        }),
        openOrReveal: (_: string, factory: string) =>
          factory === 'Editor' ? widget : undefined,
        registry: {
          // The file may be open in the text editor alone.
          preferredWidgetFactories: () => [
            { name: 'Pipeline' },
            { name: 'Editor' }
          ]
        }
      } as unknown as IDocumentManager,
      trans: nullTranslator.load('dataops_lab')
    });
  };

  beforeEach(() => {
    asked = [];
    cursor = null;
    dirty = false;
  });

  afterEach(() => Dialog.flush());

  it('says that there are no problems', async () => {
    const success = jest.spyOn(Notification, 'success').mockReturnValue('');
    await check([]);
    expect(success.mock.calls[0][0]).toContain('no problems');
    expect(asked).toEqual([{ path: 'sales.pipeline.yaml' }]);
  });

  it('checks what stands in the editor, not what was saved', async () => {
    jest.spyOn(Notification, 'success').mockReturnValue('');
    dirty = true;
    await check([]);
    expect(asked[0]).toMatchObject({ content: 'steps: {}' });
  });

  it('lists the problems with their places, and shows the one that is clicked', async () => {
    const checked = check(PROBLEMS);
    const place = await waitFor(() => {
      const buttons = [...document.querySelectorAll('.dl-Problems button')];
      expect(buttons.map(button => button.textContent)).toEqual([
        'Line 12, column 5',
        'Line 1, column 1'
      ]);
      return buttons[0] as HTMLElement;
    });
    expect(document.body.textContent).toContain('There is no step extrac.');
    act(() => place.click());
    await checked;
    await waitFor(() => expect(cursor).toEqual({ line: 11, column: 4 }));
  });
});
