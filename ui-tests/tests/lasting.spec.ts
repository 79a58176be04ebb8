import { expect, test } from './fixtures';
import { execute, notebook, openForm } from './notebooks';

test('a record goes on after a reload in the middle of its run', async ({
  page,
  screens,
  gate,
  tmpPath
}) => {
  const content = notebook('print("before")', gate.cell, 'print("after")');
  await openForm(page, `${tmpPath}/reload.ipynb`, content);
  await screens.start();
  await expect(screens.record).toContainText('before');
  await expect(screens.runningCell).toBeVisible();
  await screens.reload();
  await expect(screens.recordInPhase('running')).toContainText('before');
  await expect(screens.runningCell).toContainText('wait_for_delivery');
  gate.open();
  await expect(screens.recordInPhase('succeeded')).toContainText('after');
});

test('what was closed can be opened again', async ({
  page,
  screens,
  tmpPath
}) => {
  await openForm(
    page,
    `${tmpPath}/reopened.ipynb`,
    notebook('print("it ran")')
  );
  await screens.start();
  await expect(screens.recordInPhase('succeeded')).toBeVisible();
  await execute(page, 'application:close');
  await expect(screens.record).toHaveCount(0);
  await screens.openList();
  await execute(page, 'application:close');
  await expect(screens.list).toHaveCount(0);
  await screens.openList();
  await screens.list
    .getByRole('button', { name: 'reopened', exact: true })
    .click();
  await expect(screens.recordInPhase('succeeded')).toContainText('it ran');
  await openForm(page, `${tmpPath}/reopened.ipynb`);
  await expect(screens.run).toBeVisible();
});

test('who looks elsewhere is told when the run ends', async ({
  page,
  screens,
  gate,
  tmpPath
}) => {
  await openForm(page, `${tmpPath}/told.ipynb`, notebook(gate.cell));
  await screens.start();
  await expect(screens.runningCell).toBeVisible();
  await screens.openList();
  gate.open();
  await page.getByRole('button', { name: 'Open run' }).click();
  await expect(screens.recordInPhase('succeeded')).toBeVisible();
});

test('the list follows, filters on the server and opens by keyboard', async ({
  page,
  screens,
  tmpPath
}) => {
  await screens.openList();
  await openForm(page, `${tmpPath}/listed.ipynb`, notebook('1'));
  await screens.start();
  await expect(screens.recordInPhase('succeeded')).toBeVisible();
  await screens.openList();
  const row = screens.list.getByRole('row', { name: /listed/ });
  await expect(row).toContainText('Succeeded');

  await screens.list.getByRole('searchbox').fill('no such run');
  await expect(screens.list).toContainText('No run fits the filter.');
  await screens.list.getByRole('searchbox').fill('listed');
  await expect(row).toHaveCount(1);
  await screens.list
    .getByLabel('Filter runs by state')
    .selectOption({ label: 'Cancelled' });
  await expect(row).toHaveCount(0);
  await screens.list
    .getByLabel('Filter runs by state')
    .selectOption({ label: 'Succeeded' });
  await row.getByRole('button', { name: 'listed', exact: true }).focus();
  await page.keyboard.press('Enter');
  await expect(screens.recordInPhase('succeeded')).toBeVisible();
});

test('a missing server half is one explained message', async ({
  page,
  screens,
  tmpPath
}) => {
  await page.route('**/dataops/api/**', route =>
    route.fulfill({ status: 404, body: '{"message": "Not Found"}' })
  );
  await openForm(page, `${tmpPath}/alone.ipynb`, notebook('1'));
  await screens.openSidebar();
  const message = 'The server half of DataOps is missing or too old.';
  await expect(screens.sidebar.getByRole('alert')).toContainText(message);
  await expect(screens.form.getByRole('alert')).toContainText(message);
  await expect(page.locator('.Toastify__toast')).toHaveCount(0);

  await page.unroute('**/dataops/api/**');
  await screens.form.getByRole('button', { name: 'Try again' }).click();
  await expect(screens.run).toBeEnabled();
});
