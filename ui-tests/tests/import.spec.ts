import * as fs from 'fs';
import * as path from 'path';

import { expect, test } from './fixtures';

/** Files that the editor of Elyra wrote. */
const CORPUS = path.join(__dirname, '../../tests/pipelines/elyra/corpus');
const NAMES = [
  'totals.pipeline',
  'load.ipynb',
  'total.py',
  'tools.py',
  'report.ipynb'
];

test('a pipeline of Elyra is imported with a report, opened, and not written over', async ({
  page,
  tmpPath
}) => {
  for (const name of NAMES) {
    await page.contents.uploadContent(
      fs.readFileSync(path.join(CORPUS, name), 'utf8'),
      'text',
      `${tmpPath}/${name}`
    );
  }
  await page.filebrowser.openDirectory(tmpPath);
  const item = page.locator('.jp-DirListing-item', {
    hasText: 'totals.pipeline'
  });
  const dialog = page.locator('.dl-ImportDialog');
  const ask = async () => {
    await item.first().click({ button: 'right' });
    await page
      .getByRole('menuitem', { name: 'Import Elyra Pipeline…' })
      .click();
    await expect(dialog).toContainText('Import totals.pipeline');
  };

  await ask();
  const changed = dialog.locator('section[data-kind=changed]');
  await expect(changed).toContainText('ELYRA_RUNTIME_ENV');
  await expect(dialog.locator('section[data-kind=carried_over]')).toContainText(
    'load'
  );
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await expect(dialog).toHaveCount(0);
  expect(
    await page.contents.fileExists(`${tmpPath}/totals.pipeline.yaml`)
  ).toBe(false);

  await ask();
  await dialog
    .getByRole('button', { name: 'Save as totals.pipeline.yaml' })
    .click();
  const canvas = page.locator('.dl-Canvas:visible');
  await expect(canvas.locator('.dl-Node')).toHaveCount(3);
  await expect(canvas.locator('.dl-CanvasEdge')).not.toHaveCount(0);
  await expect(
    page.locator('.dl-Editor-problems:not([data-checking])')
  ).toContainText('No problems');

  await ask();
  await expect(
    dialog.getByRole('button', { name: 'Save as totals-2.pipeline.yaml' })
  ).toBeVisible();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
});
