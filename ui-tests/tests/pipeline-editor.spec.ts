import { Locator } from '@playwright/test';

import { expect, test } from './fixtures';
import { execute, notebook, openText } from './notebooks';

const EXTRACT = notebook(
  { parameters: 'month = "2026-01"' },
  'from dataops_lab import record\nrecord("rows", 3)\nopen("sales.csv", "w").write(month)'
);
const REPORT = notebook({ parameters: 'rows = 0' }, 'print("Rows:", rows)');

const HAND_FORMATTED = `# Monthly figures
version: 1   # the format

steps:
    # Reads the month.
    extract:
        notebook: "1_extract.ipynb"   # slow

    report: {notebook: 2_report.ipynb, needs: [extract]}  # quick
`;

test('a pipeline is made and run with the keys alone', async ({
  page,
  screens,
  tmpPath
}) => {
  await page.contents.uploadContent(
    EXTRACT,
    'text',
    `${tmpPath}/1_extract.ipynb`
  );
  await page.contents.uploadContent(
    REPORT,
    'text',
    `${tmpPath}/2_report.ipynb`
  );
  const path = `${tmpPath}/keys.pipeline.yaml`;
  await page.contents.uploadContent('', 'text', path);
  await execute(page, 'docmanager:open', { path });
  const editor = page.locator('.dl-PipelineEditor:visible');
  const { keyboard } = page;
  const tabTo = async (target: Locator, key = 'Tab') => {
    for (let presses = 0; presses < 60; presses++) {
      if (await target.evaluate(node => node === document.activeElement)) {
        return;
      }
      await keyboard.press(key);
    }
    await expect(target).toBeFocused();
  };
  const row = (id: string) =>
    editor.locator(`.dl-EditorStep[data-step=${id}] .dl-EditorStep-name`);

  await editor.getByRole('tab', { name: 'Graph' }).waitFor();
  await tabTo(editor.getByRole('tab', { name: 'Graph' }));
  await keyboard.press('ArrowRight');
  await tabTo(editor.getByRole('button', { name: 'Add a step' }));
  await keyboard.press('Enter');
  await expect(editor.getByLabel('Kind')).toBeFocused();
  await keyboard.press('Tab');
  await keyboard.insertText('1_extract.ipynb');
  await keyboard.press('Enter');
  await expect(row('extract')).toBeFocused();

  // The next step needs the one that is selected.
  await tabTo(editor.getByRole('button', { name: 'Add a step' }));
  await keyboard.press('Enter');
  await expect(editor.getByLabel('Kind')).toBeFocused();
  await keyboard.press('Tab');
  await keyboard.insertText('2_report.ipynb');
  await keyboard.press('Enter');
  await expect(row('report')).toBeFocused();
  await expect(row('report')).toContainText('needs extract');

  await keyboard.press('F2');
  await keyboard.insertText('summary');
  await keyboard.press('Enter');
  await expect(row('summary')).toBeFocused();
  await tabTo(editor.getByRole('button', { name: 'Needs of summary…' }));
  await keyboard.press('Enter');
  const needed = editor
    .locator('.dl-EditorStep')
    .getByRole('checkbox', { name: 'extract' });
  await expect(needed).toBeFocused();
  await keyboard.press('Space');
  await expect(needed).not.toBeChecked();
  await keyboard.press('Space');
  await keyboard.press('Escape');
  await expect(row('summary')).toBeFocused();

  await keyboard.press('Enter');
  await expect(editor.getByLabel('Title')).toBeFocused();
  await keyboard.insertText('Sum it up');
  const source = editor.getByLabel('Source of rows');
  await source.waitFor();
  await tabTo(source);
  await keyboard.press('ArrowDown');
  await keyboard.press('ArrowDown');
  await tabTo(editor.getByLabel('rows', { exact: true }), 'Shift+Tab');
  await keyboard.press('ArrowDown');
  await keyboard.press('Escape');
  await expect(row('summary')).toBeFocused();
  await expect(editor.getByRole('status', { name: '' }).first()).toContainText(
    'No problems'
  );

  await keyboard.press('ControlOrMeta+s');
  await expect(page.locator('.lm-TabBar-tab.jp-mod-dirty')).toHaveCount(0);
  await keyboard.press('ControlOrMeta+Shift+c');
  await keyboard.insertText('Run as Job');
  await keyboard.press('Enter');
  await expect(screens.run).toBeFocused();
  await keyboard.press('Enter');
  const node = screens.record.locator('.dl-Node[data-step=summary]');
  await expect(screens.recordInPhase('succeeded')).toContainText('Sum it up');
  await expect(node).toContainText('Succeeded');
});

test('edits keep the layout of a file, are undone and saved', async ({
  page,
  tmpPath
}) => {
  const path = `${tmpPath}/month.pipeline.yaml`;
  await page.contents.uploadContent(
    EXTRACT,
    'text',
    `${tmpPath}/1_extract.ipynb`
  );
  await page.contents.uploadContent(
    REPORT,
    'text',
    `${tmpPath}/2_report.ipynb`
  );
  await page.contents.uploadContent(HAND_FORMATTED, 'text', path);
  await execute(page, 'docmanager:open', { path });
  const editor = page.locator('.dl-PipelineEditor:visible');
  const dirty = page.locator('.lm-TabBar-tab.jp-mod-dirty');
  const saved = () =>
    page.evaluate(async path => {
      const { contents } = window.jupyterapp.serviceManager;
      return (await contents.get(path)).content as string;
    }, path);
  await editor.getByRole('tab', { name: 'List' }).click();
  const row = (id: string) => editor.locator(`.dl-EditorStep[data-step=${id}]`);

  await row('report')
    .getByRole('button', { name: /^Notebook/ })
    .click();
  await editor.getByLabel('Title').fill('Report');
  await editor.getByLabel('Retries').fill('2');
  await expect(dirty).toHaveCount(1);
  await editor.getByLabel('Retries').press('ControlOrMeta+z');
  await expect(editor.getByLabel('Retries')).toHaveValue('');
  await execute(page, 'docmanager:save');
  await expect(dirty).toHaveCount(0);
  expect(await saved()).toBe(
    HAND_FORMATTED.replace('2_report.ipynb,', '2_report.ipynb, title: Report,')
  );

  await editor.getByRole('button', { name: 'Remove extract' }).click();
  await expect(row('extract')).toHaveCount(0);
  await execute(page, 'dataops:pipeline-undo');
  await expect(row('extract')).toHaveCount(1);
  await execute(page, 'docmanager:save');
  expect(await saved()).toContain('    # Reads the month.\n    extract:');
});

test('problems stand at their step, and a broken text at its line', async ({
  page,
  tmpPath
}) => {
  const path = `${tmpPath}/broken.pipeline.yaml`;
  await page.contents.uploadContent(
    REPORT,
    'text',
    `${tmpPath}/2_report.ipynb`
  );
  await page.contents.uploadContent(
    'version: 1\nsteps:\n  a: {notebook: 2_report.ipynb\n',
    'text',
    path
  );
  await execute(page, 'docmanager:open', { path });
  const editor = page.locator('.dl-PipelineEditor:visible');
  await expect(editor.getByRole('alert')).toContainText('Line ');
  await editor.getByRole('button', { name: 'Edit as Text' }).click();
  const text = page.locator('.jp-FileEditor:visible .cm-content');
  await text.click();
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.insertText(
    'version: 1\nsteps:\n  a: {notebook: 2_report.ipynb, with: {row: 1}, needs: [b]}\n'
  );
  await execute(page, 'docmanager:open', { path, factory: 'Pipeline' });
  await editor.getByRole('tab', { name: 'List' }).click();
  const row = editor.locator('.dl-EditorStep[data-step=a]');
  await expect(row.getByRole('listitem')).toContainText(['no step `b`']);
  await row.getByRole('button', { name: /^Notebook/ }).click();
  const needs = editor.locator('.dl-Editor-side .dl-Needs');
  await expect(needs.getByRole('alert')).toContainText('`b`');
  await needs.getByLabel('b', { exact: true }).click();
  await expect(editor.locator('.dl-Given[data-parameter=row]')).toContainText(
    'Do you mean'
  );
  await openText(page, path);
  await expect(text).toContainText('with: {row: 1}}');
});
