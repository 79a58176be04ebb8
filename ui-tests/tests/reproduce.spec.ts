import type { Page } from '@playwright/test';

import { expect, test } from './fixtures';
import { execute, notebook, openForm } from './notebooks';

// Galata hides kernels that the page itself did not start: the server starts these.
test.use({ kernels: null, sessions: null });

const dialogOf = (page: Page) => page.locator('.dl-ReproductionDialog');

test('a failure is reproduced: the cells above have run with the values of the run, and the failing cell is selected', async ({
  page,
  screens,
  tmpPath
}) => {
  const path = `${tmpPath}/sales.ipynb`;
  const content = notebook(
    { markdown: '# Sales' },
    { parameters: 'region: str = "North"' },
    'rows = open("sales.csv").read().split()\nprint(len(rows), "rows for", region)',
    'chosen = [row for row in rows if row == region][0]',
    'print("never")'
  );
  await page.contents.uploadContent(
    'North South',
    'text',
    `${tmpPath}/sales.csv`
  );
  await openForm(page, path, content);
  await screens.form.getByLabel('region').fill('West');
  await screens.run.click();
  await expect(screens.recordInPhase('failed')).toBeVisible();
  await page.contents.uploadContent('changed', 'text', `${tmpPath}/sales.csv`);

  await screens.record.getByRole('button', { name: 'Reproduce…' }).click();
  const dialog = dialogOf(page);
  await expect(dialog).toContainText('dataops-reproduce/sales-');
  await expect(
    dialog.getByRole('checkbox', { name: /Run the cells above/ })
  ).toBeChecked();
  await dialog.getByRole('button', { name: 'Open Notebook' }).click();

  const panel = page.locator('.jp-NotebookPanel:visible');
  await expect(panel.locator('.jp-OutputArea-output')).toContainText(
    '2 rows for West'
  );
  const selected = panel.locator('.jp-Cell.jp-mod-active');
  await expect(selected).toContainText('chosen = [row');
  // The failing cell itself waits for the person.
  await expect(selected.locator('.jp-OutputArea-output')).toHaveCount(0);
  await execute(page, 'notebook:run-cell');
  await expect(selected.locator('.jp-OutputArea-output')).toContainText(
    'IndexError'
  );
});

test('a step that was skipped is opened with the inputs that it would have got', async ({
  page,
  screens,
  tmpPath
}) => {
  const files: [string, string][] = [
    ['extract', notebook('open("rows.csv", "w").write("a b c")')],
    ['check', notebook('assert False, "not plausible"')],
    ['report', notebook('print(len(open("rows.csv").read().split()))')]
  ];
  for (const [name, content] of files) {
    await page.contents.uploadContent(
      content,
      'text',
      `${tmpPath}/${name}.ipynb`
    );
  }
  const steps = [
    'version: 1',
    'steps:',
    '  extract: {notebook: extract.ipynb}',
    '  check: {notebook: check.ipynb, needs: [extract]}',
    '  report:',
    '    notebook: report.ipynb',
    '    needs: [extract, check]',
    '    files: [{from: extract, paths: [rows.csv], into: .}]',
    ''
  ];
  await openForm(page, `${tmpPath}/month.pipeline.yaml`, steps.join('\n'));
  await screens.run.click();
  await expect(screens.recordInPhase('failed')).toBeVisible();

  await screens.record
    .getByRole('button', { name: 'Open report with its inputs' })
    .click();
  const dialog = dialogOf(page);
  await expect(dialog).toContainText('dataops-reproduce/month-report-');
  await dialog.getByRole('button', { name: 'Open Notebook' }).click();
  const panel = page.locator('.jp-NotebookPanel:visible');
  await expect(panel).toContainText('rows.csv');
  await expect(
    panel.getByRole('button', { name: 'Python 3 (ipykernel)' })
  ).toBeVisible();
  await execute(page, 'notebook:run-all-cells');
  await expect(panel.locator('.jp-OutputArea-output')).toContainText('3');
});

test('the lines that do what a script did are shown to copy, and the script opens', async ({
  page,
  screens,
  tmpPath
}) => {
  await openForm(page, `${tmpPath}/load.sh`, 'echo "no rows" >&2; exit 3\n');
  await screens.run.click();
  await expect(screens.recordInPhase('failed')).toBeVisible();
  await screens.record.getByRole('button', { name: 'Reproduce…' }).click();
  const dialog = dialogOf(page);
  await expect(dialog).toContainText('sh load.sh');
  await dialog.getByRole('button', { name: 'Copy' }).click();
  await dialog.getByRole('button', { name: 'Open Script' }).click();
  await expect(page.locator('.jp-FileEditor:visible')).toContainText('no rows');
});
