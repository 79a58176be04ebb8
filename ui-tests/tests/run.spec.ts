import { expect, test } from './fixtures';
import { notebook, openForm, openNotebook } from './notebooks';

test('a notebook runs with two clicks and its record fills in live', async ({
  page,
  screens,
  gate,
  tmpPath
}) => {
  const content = notebook(
    { markdown: '# Live' },
    { parameters: 'times: int = 2  # how often' },
    'print("before " * times)',
    gate.cell,
    'print("after")\nopen("made.txt", "w").write("x")'
  );
  const path = `${tmpPath}/live.ipynb`;
  await page.contents.uploadContent(content, 'text', path);
  await openNotebook(page, path);
  await screens.runAsJob.click();
  await expect(screens.form.getByLabel('times')).toHaveValue('2');
  await expect(screens.form).toContainText('how often');
  await expect(screens.run).toBeFocused();
  await screens.run.click();

  await expect(screens.recordInPhase('running')).toBeVisible();
  await expect(screens.form).toHaveCount(0);
  await expect(screens.record).toContainText('before before');
  await expect(screens.runningCell).toContainText('wait_for_delivery');
  await expect(screens.record).toContainText('2 of 4 cells');

  await screens.openSidebar();
  await expect(
    screens.sidebar.getByRole('button', { name: /^live\b/ })
  ).toContainText('Running');

  gate.open();
  await expect(screens.recordInPhase('succeeded')).toBeVisible();
  await expect(screens.record).toContainText('after');
  await expect(screens.runningCell).toHaveCount(0);
  await expect(
    screens.sidebar.getByRole('button', { name: /^live\b/ }).first()
  ).toContainText('Succeeded');

  await screens.tab('Artifacts').click();
  await screens.record.getByTitle('Look at it here').click();
  await expect(
    screens.record.getByRole('region', { name: /made\.txt$/ })
  ).toContainText('x');
  await screens.tab('Log').click();
  await expect(screens.record.locator('.dl-Log')).toContainText('after');
  await screens.tab('Report').click();
  await expect(
    screens.record.frameLocator('iframe').getByRole('heading', { name: 'Live' })
  ).toBeVisible();
});

test('a failed run shows the failing cell, and opens its notebook there', async ({
  page,
  screens,
  tmpPath
}) => {
  const filler = Array.from({ length: 30 }, (_, i) => `x = ${i}\n\n\n`);
  const content = notebook(
    { parameters: 'divisor: int = 1' },
    ...filler,
    '1 / divisor',
    'print("never")'
  );
  await openForm(page, `${tmpPath}/fails.ipynb`, content);
  await screens.form.getByLabel('divisor').fill('0');
  await screens.run.click();
  await expect(screens.recordInPhase('failed')).toBeVisible();
  const banner = screens.record.getByRole('alert');
  await expect(banner).toContainText('ZeroDivisionError');
  await expect(banner).toContainText('divisor = 0');
  await expect(screens.failedCell).toContainText('1 / divisor');
  await expect(screens.failedCell).toBeInViewport();

  await screens.tab('Log').click();
  await banner.getByRole('button', { name: 'Show the cell' }).click();
  await expect(screens.failedCell).toBeInViewport();

  await banner.getByRole('button', { name: 'Open the notebook there' }).click();
  await expect(
    page.locator('.jp-NotebookPanel:visible .jp-Cell.jp-mod-active')
  ).toContainText('1 / divisor');
});

test('a running notebook is cancelled', async ({
  page,
  screens,
  gate,
  tmpPath
}) => {
  const content = notebook('print("begun")', gate.cell);
  await openForm(page, `${tmpPath}/cancelled.ipynb`, content);
  await screens.start();
  await expect(screens.record).toContainText('begun');
  await screens.action('Cancel').click();
  await expect(screens.recordInPhase('cancelled')).toBeVisible();
  await expect(screens.action('Cancel')).toHaveCount(0);
  await expect(screens.runningCell).toHaveCount(0);
});

test('what the server refuses is said at its field', async ({
  page,
  screens,
  tmpPath
}) => {
  const content = notebook({
    parameters: 'ids: list[int] = [1, 2]\ntop: int = 3'
  });
  await openForm(page, `${tmpPath}/refused.ipynb`, content);
  await screens.form.getByLabel('ids').fill('[1, "b"]');
  await screens.run.click();
  const ids = screens.form.locator('[data-parameter=ids]');
  await expect(ids.getByRole('alert')).toContainText('item 2');
  await expect(screens.form.getByLabel('ids')).toBeFocused();

  await screens.form.getByLabel('ids').fill('[1]');
  await expect(ids.getByRole('alert')).toHaveCount(0);
  await screens.form.getByLabel('top').fill('');
  await screens.run.click();
  const top = screens.form.locator('[data-parameter=top]');
  await expect(top.getByRole('alert')).toContainText('whole number');
  await expect(screens.record).toHaveCount(0);
});

test('a run is run again with other parameters, on the same version', async ({
  page,
  screens,
  tmpPath
}) => {
  const content = notebook(
    { parameters: 'word: str = "one"\ncount: int = 1' },
    'print(word * count)'
  );
  await openForm(page, `${tmpPath}/again.ipynb`, content);
  await screens.form.getByLabel('word').fill('two');
  await screens.run.click();
  await expect(screens.recordInPhase('succeeded')).toBeVisible();

  await screens.action('Rerun With…').click();
  await expect(screens.form.getByLabel('word')).toHaveValue('two');
  await screens.form.getByLabel('count').fill('2');
  await screens.run.click();
  await expect(screens.recordInPhase('succeeded')).toContainText('twotwo');
  await expect(screens.record).toContainText('version 1');
  await screens.tab('Parameters').click();
  await expect(screens.record.getByRole('row', { name: /word/ })).toContainText(
    'two'
  );

  await screens.action('Rerun With…').click();
  await screens.form.getByLabel('Environment').selectOption('production');
  await expect(screens.form).toContainText('marked as unpromoted');
  await screens.run.click();
  const elsewhere = screens
    .recordInPhase('succeeded')
    .filter({ hasText: 'production' });
  await expect(elsewhere).toContainText('version 1');
  await expect(elsewhere).toContainText('unpromoted');
});

test('a notebook without a kernel is refused until one is chosen', async ({
  page,
  screens,
  tmpPath
}) => {
  const content = JSON.parse(notebook('print("chosen")'));
  content.metadata = {};
  await openForm(page, `${tmpPath}/nameless.ipynb`, JSON.stringify(content));
  await expect(screens.form.getByRole('alert')).toBeVisible();
  await screens.form.getByLabel('Kernel').selectOption('python3');
  await expect(screens.form.getByRole('alert')).toHaveCount(0);
  await screens.run.click();
  await expect(screens.recordInPhase('succeeded')).toContainText('chosen');
});
