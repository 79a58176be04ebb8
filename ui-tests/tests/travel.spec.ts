import { IJupyterLabPageFixture } from '@jupyterlab/galata';
import { execFileSync } from 'child_process';
import * as fs from 'fs';
import * as path from 'path';

import { expect, test } from './fixtures';
import { notebook, openForm } from './notebooks';

/** Return the place of a path of the contents API on this machine, also of one that the API hides. */
async function onDisk(
  page: IJupyterLabPageFixture,
  name: string
): Promise<string> {
  const config = await page.locator('#jupyter-config-data').textContent();
  const { serverRoot } = JSON.parse(config!);
  return path.join(serverRoot.replace(/^~/, process.env.HOME), name);
}

test('a file that a run did not find is taken along, and the notebook runs again with its parameters', async ({
  page,
  screens,
  tmpPath
}) => {
  await page.contents.createDirectory(`${tmpPath}/data`);
  await page.contents.createDirectory(`${tmpPath}/reports`);
  const stock = `${tmpPath}/data/stock.csv`;
  await page.contents.uploadContent('apples: 912', 'text', stock);
  // In a git work tree, the workspace is wider than the folder of the notebook.
  const project = await onDisk(page, tmpPath);
  execFileSync('git', ['init', '--quiet', project]);
  // The code does not show this path to a reader, because it is computed.
  const content = notebook(
    { parameters: 'wanted: str = "none"' },
    'print(open("..{0}data{0}{1}".format(chr(47), wanted)).read())'
  );
  await openForm(page, `${tmpPath}/reports/stock.ipynb`, content);
  await screens.form.getByRole('textbox', { name: 'wanted' }).fill('stock.csv');
  await screens.run.click();
  await expect(screens.recordInPhase('failed')).toContainText('did not travel');
  await screens.record
    .getByRole('button', { name: 'Take ../data/stock.csv along and run again' })
    .click();
  await expect(screens.recordInPhase('succeeded')).toContainText('apples: 912');
  // The file is data: the version is the same.
  await expect(screens.recordInPhase('succeeded')).toContainText('version 1');
  const rules = await onDisk(page, `${tmpPath}/reports/.dataopsignore`);
  expect(fs.readFileSync(rules, 'utf-8')).toBe('!../data/stock.csv\n');
});

test('a file that a rule leaves behind is taken along in the form', async ({
  page,
  screens,
  tmpPath
}) => {
  await page.contents.createDirectory(`${tmpPath}/raw`);
  const stock = `${tmpPath}/raw/stock.csv`;
  await page.contents.uploadContent('apples: 912', 'text', stock);
  const rules = await onDisk(page, `${tmpPath}/.dataopsignore`);
  fs.writeFileSync(rules, 'raw/\n');
  const content = notebook('print(open("raw/stock.csv").read())');
  await openForm(page, `${tmpPath}/stock.ipynb`, content);
  await expect(screens.form).toContainText('an ignore rule leaves it behind');
  await screens.form.getByRole('button', { name: 'Take it along' }).click();
  await expect(screens.form).toContainText('1 file travels along');
  await expect(screens.form).not.toContainText('leaves it behind');
  await screens.run.click();
  await expect(screens.recordInPhase('succeeded')).toContainText('apples: 912');
});

test('a data file is pinned with one click, and belongs to the version then', async ({
  page,
  screens,
  tmpPath
}) => {
  const stock = `${tmpPath}/stock.csv`;
  await page.contents.uploadContent('apples: 912', 'text', stock);
  const content = notebook('print(open("stock.csv").read())');
  await openForm(page, `${tmpPath}/stock.ipynb`, content);
  await expect(screens.form).toContainText('1 fresh in each run');
  await screens.form.getByText('1 file travels along').click();
  const pin = screens.form.getByRole('checkbox', { name: /^Pin .*stock.csv/ });
  await expect(pin).not.toBeChecked();
  await pin.click();
  await expect(pin).toBeChecked();
  await expect(screens.form).not.toContainText('fresh in each run');
  await screens.run.click();
  await expect(screens.recordInPhase('succeeded')).toContainText('apples: 912');
  await screens.tab('Parameters and values').click();
  await screens.record.getByText('Files that it found').click();
  await expect(
    screens.record.getByRole('row', { name: /stock.csv/ })
  ).toContainText('the version');
});
