import type { IJupyterLabPageFixture } from '@jupyterlab/galata';
import type { Locator } from '@playwright/test';

import { expect, test } from './fixtures';
import { execute, notebook } from './notebooks';

const BY_HAND = `# The figures of each month.
version: 1   # the format
steps:
  # Checks nothing yet.
  hello:
    command: [echo, "Hello"]   # quick
`;

const NAMES = ['1_extract.ipynb', '2_report.ipynb', 'mail.py', 'sales.csv'];

/** A place of the canvas without a step. */
const CORNER = { x: 40, y: 40 };

async function middleOf(locator: Locator): Promise<{ x: number; y: number }> {
  const { x, y, width, height } = (await locator.boundingBox())!;
  return { x: x + width / 2, y: y + height / 2 };
}

test.describe('the canvas of a pipeline', () => {
  let folder: string;
  let canvas: Locator;
  let read: () => Promise<string>;

  const step = (id: string) => canvas.locator(`.dl-Node[data-step=${id}]`);
  const edge = (from: string, to: string) =>
    canvas.locator(`.react-flow__edge[data-id='["${from}","${to}"]']`);
  const dot = (id: string, end: 'source' | 'target') =>
    canvas.locator(`.react-flow__node[data-id=${id}] .${end}`);

  test.beforeEach(async ({ page, tmpPath }) => {
    folder = `${tmpPath}/sales`;
    await page.contents.createDirectory(folder);
    const contents = [
      notebook('open("sales.csv", "w").write("month\\n")'),
      notebook('print("Sales of", open("sales.csv").read())'),
      'print("sent")\n',
      'month\n'
    ];
    for (const [at, name] of NAMES.entries()) {
      await page.contents.uploadContent(
        contents[at],
        'text',
        `${folder}/${name}`
      );
    }
    const path = `${folder}/month.pipeline.yaml`;
    await page.contents.uploadContent(BY_HAND, 'text', path);
    await page.filebrowser.openDirectory(folder);
    await page.filebrowser.open('month.pipeline.yaml');
    canvas = page.locator('.dl-Canvas:visible');
    await expect(step('hello')).toBeVisible();
    read = async () => {
      await execute(page, 'docmanager:save');
      return page.evaluate(async path => {
        const { contents } = window.jupyterapp.serviceManager;
        return (await contents.get(path)).content as string;
      }, path);
    };
  });

  /** Drag selected files of the file browser, and hold them over the target. */
  async function dragFiles(
    page: IJupyterLabPageFixture,
    names: string[],
    target: Locator,
    place?: { x: number; y: number }
  ): Promise<void> {
    const files = names.map(name =>
      page.locator('.jp-DirListing-item', { hasText: name })
    );
    for (const [at, file] of files.entries()) {
      await file.click({ modifiers: at ? ['ControlOrMeta'] : [] });
    }
    await drag(
      page,
      files[0].locator('.jp-DirListing-itemText'),
      target,
      place
    );
  }

  /** Drag something, and hold it over the middle of the target, or at a place in it. */
  async function drag(
    page: IJupyterLabPageFixture,
    from: Locator,
    to: Locator,
    place?: { x: number; y: number }
  ): Promise<void> {
    await from.hover();
    await page.mouse.down();
    const { x, y } = await middleOf(to);
    const { x: left, y: top } = (await to.boundingBox())!;
    await page.mouse.move(
      place ? left + place.x : x,
      place ? top + place.y : y,
      { steps: 10 }
    );
  }

  test('files become steps that are connected, removed and run', async ({
    page,
    screens
  }) => {
    await dragFiles(page, NAMES, canvas, CORNER);
    await expect(canvas.getByRole('status')).toContainText('Add 3 steps.');
    await expect(canvas.getByRole('status')).toContainText(
      'sales.csv is neither a notebook nor a script.'
    );
    await page.mouse.up();
    await expect(canvas.locator('.dl-Node')).toHaveCount(4);
    await expect(edge('extract', 'report')).toHaveCount(1);
    const guess = canvas.getByRole('button', { name: /report seems to read/ });
    await guess.click();
    await expect(guess).toHaveCount(0);

    await drag(page, dot('report', 'source'), step('mail'));
    await expect(canvas.getByRole('status')).toHaveText(
      'mail will need report.'
    );
    await page.mouse.up();
    await expect(edge('report', 'mail')).toHaveCount(1);
    await drag(page, dot('mail', 'source'), step('extract'));
    await expect(canvas.getByRole('status')).toHaveText(
      'They would wait for one another: extract → report → mail → extract.'
    );
    await page.mouse.up();
    await expect(canvas.locator('.dl-CanvasEdge')).toHaveCount(2);

    await step('hello').click();
    await page.keyboard.press('Delete');
    await expect(step('hello')).toHaveCount(0);
    await page.keyboard.press('ControlOrMeta+z');
    await expect(step('hello')).toBeVisible();
    expect(await read()).toBe(
      BY_HAND +
        [
          '  extract:',
          '    notebook: 1_extract.ipynb',
          '  report:',
          '    notebook: 2_report.ipynb',
          '    needs: [extract]',
          '    files:',
          '      - {from: extract, paths: [sales.csv], into: "."}',
          '  mail:',
          '    script: mail.py',
          '    needs: [report]',
          ''
        ].join('\n')
    );

    await execute(page, 'dataops:run-as-job');
    await screens.form
      .getByRole('button', { name: 'Run', exact: true })
      .click();
    await expect(screens.recordInPhase('succeeded')).toBeVisible();
    await expect(
      screens.record.locator('.dl-Node[data-step=mail]')
    ).toContainText('Succeeded');
  });

  test('files are dropped on an edge and on a step, and an edge is taken elsewhere', async ({
    page
  }) => {
    await dragFiles(page, ['1_extract'], step('hello'));
    await expect(canvas.getByRole('status')).toHaveText(
      'Add 1 step that needs hello.'
    );
    await page.mouse.up();
    await expect(edge('hello', 'extract')).toHaveCount(1);
    const path = edge('hello', 'extract').locator('.dl-CanvasEdge');
    await dragFiles(page, ['mail.py'], path);
    await expect(canvas.getByRole('status')).toHaveText(
      'Add 1 step between hello and extract.'
    );
    await page.mouse.up();
    await expect(edge('mail', 'extract')).toHaveCount(1);
    await expect(edge('hello', 'extract')).toHaveCount(0);

    // The end of the edge is beside the dot of the step.
    const end = (await dot('extract', 'target').boundingBox())!;
    await page.mouse.move(end.x - 6, end.y + end.height / 2);
    await page.mouse.down();
    const away = (await canvas.boundingBox())!;
    await page.mouse.move(away.x + CORNER.x, away.y + CORNER.y, { steps: 10 });
    await page.mouse.up();
    await expect(edge('mail', 'extract')).toHaveCount(0);

    const line = await middleOf(
      edge('hello', 'mail').locator('.dl-CanvasEdge')
    );
    await page.mouse.click(line.x, line.y);
    await page.keyboard.press('Delete');
    await expect(canvas.locator('.dl-CanvasEdge')).toHaveCount(0);
    await expect(canvas.locator('.dl-Node')).toHaveCount(3);
    await page.keyboard.press('ControlOrMeta+z');
    await expect(edge('hello', 'mail')).toHaveCount(1);
  });

  test('the menu of a step disables it, and a file is added from the file browser', async ({
    page
  }) => {
    await step('hello').click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Disable' }).click();
    await expect(step('hello')).toContainText('Disabled');
    const mail = page.locator('.jp-DirListing-item', { hasText: 'mail.py' });
    await mail.click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Add to Pipeline…' }).click();
    await expect(step('mail')).toHaveAttribute('aria-pressed', 'true');
    await step('mail').dblclick();
    await expect(
      page.getByRole('main').getByRole('tab', { name: 'mail.py' })
    ).toHaveAttribute('aria-selected', 'true');
  });

  test('a box that is drawn with Shift selects the steps in it', async ({
    page
  }) => {
    await dragFiles(page, ['1_extract', 'mail.py'], canvas, CORNER);
    await page.mouse.up();
    await expect(canvas.locator('.dl-Node')).toHaveCount(3);
    await step('mail').click();
    await page.mouse.move(0, 0);
    await page.keyboard.down('Shift');
    const hello = (await step('hello').boundingBox())!;
    const extract = (await step('extract').boundingBox())!;
    const left = Math.min(hello.x, extract.x);
    const top = Math.min(hello.y, extract.y);
    const right = Math.max(hello.x, extract.x) + hello.width;
    const bottom = Math.max(hello.y, extract.y) + hello.height;
    await page.mouse.move(left - 12, top - 12);
    await page.mouse.down();
    await page.mouse.move(right + 8, bottom + 8, { steps: 10 });
    await page.mouse.up();
    await page.keyboard.up('Shift');
    await expect(step('hello')).toHaveAttribute('aria-pressed', 'true');
    await expect(step('extract')).toHaveAttribute('aria-pressed', 'true');
    await page.keyboard.press('Delete');
    await expect(step('hello')).toHaveCount(0);
  });

  test('a file is added to one of several pipelines, and a new one is made in the menu', async ({
    page
  }) => {
    await page.menu.clickMenuItem('File>New>Pipeline');
    await expect(page.locator('.dl-Canvas:visible .dl-Node')).not.toHaveCount(
      0
    );
    const made = page.getByRole('main').getByRole('tab', { name: /sales/ });
    await expect(made).toHaveAttribute('aria-selected', 'true');

    const mail = page.locator('.jp-DirListing-item', { hasText: 'mail.py' });
    await mail.click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Add to Pipeline…' }).click();
    const dialog = page.getByRole('dialog');
    await expect(dialog).toContainText('Add to which pipeline?');
    await dialog
      .getByRole('combobox')
      .selectOption(`${folder}/month.pipeline.yaml`);
    await dialog.getByRole('button', { name: 'Add' }).click();
    await expect(
      page.locator('.dl-Canvas:visible .dl-Node[data-step=mail]')
    ).toHaveAttribute('aria-pressed', 'true');
    await expect(
      page.getByRole('main').getByRole('tab', { name: 'month.pipeline.yaml' })
    ).toHaveAttribute('aria-selected', 'true');
  });
});

test('a file that is read-only is shown, says so, and is not changed', async ({
  page,
  tmpPath
}) => {
  const path = `${tmpPath}/fixed.pipeline.yaml`;
  const text = `${BY_HAND}  bye:\n    command: [echo, Bye]\n    needs: [hello]\n`;
  await page.contents.uploadContent(text, 'text', path);
  // The server of these tests may write every file, and says here that it may not.
  await page.route(/\/api\/contents\/.*fixed\.pipeline\.yaml/, async route => {
    if (route.request().method() !== 'GET') {
      return route.fallback();
    }
    const response = await route.fetch();
    const model = await response.json();
    return route.fulfill({ response, json: { ...model, writable: false } });
  });
  await page.filebrowser.openDirectory(tmpPath);
  await page.filebrowser.open('fixed.pipeline.yaml');
  const editor = page.locator('.dl-Editor:visible');
  await expect(editor.locator('.dl-Node')).toHaveCount(2);
  await expect(editor).toContainText('This file is read-only.');
  await expect(
    page.getByRole('button', { name: 'Add step', exact: true })
  ).toBeHidden();
  await expect(editor.locator('.react-flow__handle.connectable')).toHaveCount(
    0
  );
  await editor.locator('.dl-Node[data-step=hello]').click();
  await page.keyboard.press('Delete');
  await expect(editor.locator('.dl-Node')).toHaveCount(2);
  await expect(editor.getByLabel('Title')).toBeDisabled();

  await editor.getByRole('tab', { name: 'List' }).click();
  const row = editor.locator('.dl-EditorStep[data-step=bye]');
  await expect(row.getByRole('button', { name: 'Remove bye' })).toBeDisabled();
  await row.locator('.dl-EditorStep-name').press('Delete');
  await expect(row).toBeVisible();
  await expect(editor).not.toContainText('F2: rename');
  // The choice is remembered for all pipelines.
  await editor.getByRole('tab', { name: 'Graph' }).click();
});
