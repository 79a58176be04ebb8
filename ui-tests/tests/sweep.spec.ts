import * as fs from 'fs';
import * as os from 'os';
import * as path from 'path';

import { expect, test } from './fixtures';
import { execute, notebook } from './notebooks';

test('a sweep is started by keyboard, its table is sorted, and a failed point is repaired', async ({
  page,
  screens,
  tmpPath
}) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'dataops-healed-'));
  const healed = path.join(folder, 'healed');
  const train = notebook(
    { parameters: 'region: str = "North"\nseed: int = 1' },
    [
      'import pathlib',
      'from dataops_lab import record',
      'record("auc", seed / 10 + len(region) / 100)',
      `healed = pathlib.Path(${JSON.stringify(healed)}).exists()`,
      'assert healed or (region, seed) != ("East", 2), "no orders"'
    ].join('\n')
  );
  const file = `${tmpPath}/train_swept.ipynb`;
  await page.contents.uploadContent(train, 'text', file);
  await execute(page, 'dataops:run-as-job', { path: file });

  const { form } = screens;
  const several = (name: string) =>
    form.getByRole('button', { name: `Several values of ${name}` });
  await several('region').focus();
  await page.keyboard.press('Enter');
  const regions = form.getByLabel('region', { exact: true });
  await regions.focus();
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.type('North\nEast');
  await several('seed').press('Enter');
  await form.getByLabel('seed', { exact: true }).fill('1\n2\n2');
  await form.getByRole('button', { name: /^Start/ }).click();
  await expect(form.getByRole('alert')).toContainText('Line 3');
  await form.getByLabel('seed', { exact: true }).fill('1\n2\n3');
  await expect(form).toContainText('6 runs');
  await form.getByRole('button', { name: 'Start 6 runs' }).click();

  const failed = screens.recordInPhase('failed');
  await expect(failed).toContainText('1 of 6 points did not succeed.');
  const rows = failed.locator('tr[data-item]');
  await expect(rows).toHaveCount(6);
  const head = failed.getByRole('columnheader', { name: 'auc' });
  await head.getByRole('button').click();
  await expect(head).toHaveAttribute('aria-sort', 'ascending');
  await expect(rows.first()).toHaveAttribute('data-item', /East, seed=1/);
  await head.getByRole('button').click();
  await expect(head).toHaveAttribute('aria-sort', 'descending');
  await expect(rows.first()).toHaveAttribute('data-item', /North, seed=3/);
  await failed.getByLabel('Failed only').check();
  await expect(rows).toHaveCount(1);
  await expect(rows).toContainText('no orders');

  // Lists have one row for all of it.
  await screens.openList();
  const listed = screens.list.locator('tr[data-run]', {
    hasText: 'train_swept'
  });
  await expect(listed).toHaveCount(1);
  await listed
    .getByRole('button', { name: 'train_swept', exact: true })
    .click();

  fs.writeFileSync(healed, '');
  await screens.action('Repair…').click();
  const dialog = page.locator('.dl-RepairDialog');
  await expect(dialog).toContainText('5 of 6 points are taken over.');
  await dialog.getByRole('button', { name: 'Repair' }).click();
  const repaired = screens.recordInPhase('succeeded');
  await expect(repaired.locator('tr[data-item]')).toHaveCount(6);
  await repaired.getByRole('button', { name: 'region=East, seed=2' }).click();
  await expect(
    screens.record.getByRole('button', {
      name: 'Point region=East, seed=2 of a sweep'
    })
  ).toBeVisible();
  fs.rmSync(folder, { recursive: true });
});
