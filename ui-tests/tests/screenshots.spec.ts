import { expect, test } from './fixtures';
import { imageForTests, NO_DOCKER } from './images';
import { execute, notebook, openForm, openNotebook } from './notebooks';

const IMAGES = '../docs/images';

for (const theme of ['light', 'dark'] as const) {
  test(`pictures of every screen, ${theme}`, async ({
    page,
    screens,
    gate,
    tmpPath
  }) => {
    const shoot = (name: string) =>
      page.screenshot({ path: `${IMAGES}/${name}-${theme}.png` });
    if (theme === 'dark') {
      await page.theme.setDarkTheme();
    }
    await execute(page, 'application:toggle-left-area');
    await openNotebook(page, 'examples/reports/monthly_sales.ipynb');
    await screens.runAsJob.click();
    await expect(screens.run).toBeEnabled();
    await shoot('run-form');
    await screens.run.click();
    await expect(screens.recordInPhase('succeeded')).toBeVisible();
    await expect(screens.record.locator('img').first()).toBeVisible();
    await shoot('record-succeeded');

    const broken = notebook(
      { markdown: '# Stock count' },
      { parameters: 'tolerance: float = 0.02  # share that may be missing' },
      'counted, booked = 912, 1000',
      'missing = 1 - counted / booked\nif missing > tolerance:\n    raise ValueError(f"{missing:.1%} of the stock is missing")',
      'print("All is there")'
    );
    await openForm(page, `${tmpPath}/stock_count.ipynb`, broken);
    await screens.form.getByLabel('tolerance').fill('0.05');
    await screens.start();
    await expect(screens.recordInPhase('failed')).toBeVisible();
    await expect(screens.failedCell).toBeInViewport();
    await shoot('record-failed');

    const partner = `${tmpPath}/partner.py`;
    await page.contents.uploadContent(gate.module, 'text', partner);
    const content = notebook(
      { markdown: '# Nightly import' },
      { parameters: 'rows: int = 5000  # how many' },
      'for done in range(0, rows, 1000):\n    print(done, "rows read")',
      'import partner\n\npartner.wait_for_delivery()',
      'print("Done")'
    );
    await openForm(page, `${tmpPath}/nightly_import.ipynb`, content);
    await screens.start();
    await expect(screens.runningCell).toBeVisible();
    await screens.openSidebar();
    await expect(screens.sidebar).toContainText('Running');
    await shoot('record-live');
    gate.open();
    await expect(screens.recordInPhase('succeeded')).toBeVisible();
    await execute(page, 'application:set-mode', { mode: 'single-document' });
    await screens.openList();
    await expect(screens.list.getByRole('row')).not.toHaveCount(1);
    await shoot('runs');
  });

  test(`pictures of pipelines, ${theme}`, async ({
    page,
    screens,
    tmpPath
  }) => {
    test.setTimeout(500_000);
    const shoot = (name: string) =>
      page.screenshot({ path: `${IMAGES}/${name}-${theme}.png` });
    if (theme === 'dark') {
      await page.theme.setDarkTheme();
    }
    await execute(page, 'application:toggle-left-area');
    const path = 'examples/forecast/forecast.pipeline.yaml';
    await execute(page, 'docmanager:open', { path });
    const editor = page.locator('.dl-PipelineEditor:visible');
    await editor.locator('.dl-Node[data-step=train]').click();
    await expect(editor).toContainText('No problems');
    await expect(editor.getByLabel('Title')).toBeVisible();
    await shoot('pipeline-editor');
    await editor.getByRole('tab', { name: 'List' }).click();
    await shoot('pipeline-list');
    await editor.getByRole('tab', { name: 'Graph' }).click();

    await execute(page, 'application:set-mode', { mode: 'single-document' });
    await execute(page, 'dataops:run-as-job', { path });
    await screens.run.click();
    const { form, record } = screens;
    await expect(record.locator('.dl-Node[data-step=publish]')).toContainText(
      'Awaiting approval',
      { timeout: 200_000 }
    );
    await shoot('pipeline-live');
    await record.getByRole('button', { name: 'Approve' }).click();
    await expect(screens.recordInPhase('succeeded')).toBeVisible();
    const nightly = `${tmpPath}/nightly.pipeline.yaml`;
    for (const status of [0, 0, 1, 0]) {
      const steps = [
        'title: Nightly import',
        'version: 1',
        'steps:',
        '  extract: {command: [echo, orders]}',
        `  check: {command: [sh, -c, "exit ${status}"], needs: [extract]}`,
        '  report: {command: [echo, report], needs: [check]}',
        '  alarm: {command: [echo, alarm], needs: [check], run_if: at_least_one_failed}',
        ''
      ];
      await openForm(page, nightly, steps.join('\n'));
      await expect(screens.run).toBeEnabled();
      await screens.run.click();
      await expect(
        screens.recordInPhase(status ? 'failed' : 'succeeded')
      ).toBeVisible();
      await execute(page, 'application:close');
    }
    await execute(page, 'dataops:pipeline-history', { path: nightly });
    await expect(page.locator('.dl-Matrix:visible')).toBeVisible();
    await shoot('pipeline-history');

    await openForm(page, 'examples/churn/train_churn.ipynb');
    await form.getByRole('button', { name: 'Several values of seed' }).click();
    await form.getByLabel('seed', { exact: true }).fill('1\n2\n3\n4');
    await form.getByRole('button', { name: 'Start 4 runs' }).click();
    await expect(screens.recordInPhase('succeeded')).toBeVisible({
      timeout: 200_000
    });
    await expect(record.locator('tr[data-item]')).toHaveCount(4);
    await shoot('sweep');
  });

  test(`pictures of the administration, ${theme}`, async ({
    page,
    screens,
    tmpPath
  }) => {
    test.setTimeout(300_000);
    const lean = imageForTests('lean');
    const bare = imageForTests('no-papermill');
    test.skip(lean === null || bare === null, NO_DOCKER);
    const shoot = (name: string) =>
      page.screenshot({ path: `${IMAGES}/${name}-${theme}.png` });
    if (theme === 'dark') {
      await page.theme.setDarkTheme();
    }
    await execute(page, 'application:toggle-left-area');
    const { administration, form } = screens;
    const place = theme === 'light' ? 'containers' : 'night';
    await screens.addEnvironment(place);
    await administration.locator('#dl-variable-name').fill('REGION');
    await administration.locator('#dl-variable-value').fill('north');
    await administration
      .getByRole('button', { name: 'Set the variable' })
      .click();
    await administration.locator('#dl-secret-name').fill('WAREHOUSE_TOKEN');
    await administration.locator('#dl-secret-value').fill('nobody-reads-it');
    await administration
      .getByRole('button', { name: 'Set the secret' })
      .click();
    await expect(
      administration.getByRole('row', { name: /WAREHOUSE_TOKEN/ })
    ).toBeVisible();
    await administration
      .getByRole('heading', { name: 'Variables' })
      .scrollIntoViewIfNeeded();
    await shoot('environment');
    await screens.addImage(`lean-${theme}`, lean!, place);
    await screens.addImage(`bare-${theme}`, bare!, place);
    await shoot('images');
    await administration
      .getByRole('button', { name: `lean-${theme}`, exact: true })
      .click();
    await expect(administration).toContainText('No job ran on it');
    await shoot('image');
    await screens.openAdministration('environments');
    await administration
      .getByRole('button', { name: '← All environments' })
      .click();
    await expect(
      administration.getByRole('row', { name: new RegExp(place) })
    ).toBeVisible();
    await shoot('environments');

    const content = notebook(
      'import os\nprint("Region:", os.environ["REGION"])'
    );
    await openForm(page, `${tmpPath}/in_an_image.ipynb`, content);
    await form.getByLabel('Environment').selectOption(place);
    await form.getByLabel('Image').selectOption(`lean-${theme}`);
    await form.getByText('More', { exact: true }).click();
    // The button is enabled when the notebook was checked for this image.
    await expect(screens.run).toBeEnabled();
    await shoot('run-form-image');
    await screens.run.click();
    await expect(screens.recordInPhase('succeeded')).toBeVisible({
      timeout: 90_000
    });
    await screens.tab('Parameters').click();
    await shoot('record-facts');
    await screens.action('Job Settings…').click();
    await expect(page.getByLabel('Priority')).toBeVisible();
    await shoot('job-settings');
    await screens.openAdministration('retention');
    await administration.getByRole('button', { name: 'Add a rule' }).click();
    await administration.getByLabel('Keep for days').fill('0');
    await administration.getByLabel('Keep the last of each job').fill('0');
    await administration.getByRole('button', { name: 'Preview' }).click();
    await expect(administration).toContainText('would go');
    await shoot('retention');
  });
}
