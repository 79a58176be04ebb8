import { IJupyterLabPageFixture } from '@jupyterlab/galata';

import { expect, test } from './fixtures';
import { notebook, openForm } from './notebooks';

const SALES = notebook(
  { parameters: 'region: str = "North"' },
  'from pathlib import Path\nPath("sales.csv").write_text(f"region\\n{region}\\n")'
);

function contentOf(
  page: IJupyterLabPageFixture,
  path: string
): Promise<string> {
  return page.evaluate(
    async path =>
      (await window.jupyterapp.serviceManager.contents.get(path)).content,
    path
  );
}

test('a declared output is published to the workspace, and opened there', async ({
  page,
  screens,
  tmpPath
}) => {
  await openForm(page, `${tmpPath}/sales.ipynb`, SALES);
  await screens.outputsField.fill(
    'sales.csv:monthly/{region}.csv\nreport:monthly/{region}.html'
  );
  await expect(screens.publish).toBeChecked();
  await screens.run.click();
  await expect(screens.recordInPhase('succeeded')).toBeVisible();

  await screens.tab('Artifacts').click();
  await expect(screens.output('monthly/North.csv')).toContainText('published');
  await expect(screens.output('monthly/North.html')).toContainText('published');
  await page.filebrowser.openDirectory(`${tmpPath}/monthly`);
  expect(await page.filebrowser.isFileListedInBrowser('North.csv')).toBe(true);

  await screens
    .output('monthly/North.csv')
    .getByRole('button', { name: 'monthly/North.csv', exact: true })
    .click();
  await expect(page.locator('.jp-CSVViewer:visible')).toBeVisible();
});

test('a file of one’s own stays, until one says overwrite', async ({
  page,
  screens,
  tmpPath
}) => {
  const own = `${tmpPath}/sales-of-mine.csv`;
  await page.contents.uploadContent('mine', 'text', own);
  await openForm(page, `${tmpPath}/sales.ipynb`, SALES);
  await screens.outputsField.fill('sales.csv:sales-of-mine.csv');
  await screens.run.click();

  const output = screens.output('sales-of-mine.csv');
  await expect(screens.recordInPhase('succeeded')).toBeVisible();
  await screens.tab('Artifacts').click();
  await expect(output).toContainText('not published');
  await expect(output).toContainText('no run published');
  expect(await contentOf(page, own)).toBe('mine');

  await screens.record
    .getByRole('button', { name: 'Publish and Overwrite' })
    .click();
  await expect(output).not.toContainText('not published');
  await expect(output).toContainText('published');
  expect(await contentOf(page, own)).toContain('North');
});

test('an output outside the workspace is refused at its field', async ({
  page,
  screens,
  tmpPath
}) => {
  await openForm(page, `${tmpPath}/sales.ipynb`, SALES);
  await screens.outputsField.fill('sales.csv:../../../../sales.csv');
  await screens.run.click();
  await expect(screens.outputsField).toHaveAttribute('aria-invalid', 'true');
  await expect(screens.outputsField).toBeFocused();
  await screens.outputsField.fill('sales.csv');
  await expect(screens.form.getByRole('alert')).toHaveCount(0);
});
