import { expect, test } from './fixtures';
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
    await page.sidebar.close('left');
    await openNotebook(page, 'examples/reports/monthly_sales.ipynb');
    await screens.runAsJob.click();
    await expect(screens.run).toBeEnabled();
    await shoot('run-form');
    await screens.run.click();
    await expect(screens.recordThatIs('succeeded')).toBeVisible();
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
    await expect(screens.recordThatIs('failed')).toBeVisible();
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
    await expect(screens.recordThatIs('succeeded')).toBeVisible();
    await execute(page, 'application:set-mode', { mode: 'single-document' });
    await screens.openList();
    await expect(screens.list.getByRole('row')).not.toHaveCount(1);
    await shoot('runs');
  });
}
