import AxeBuilder from '@axe-core/playwright';

import { expect, test } from './fixtures';
import { execute, notebook, openForm } from './notebooks';

test('a person subscribes by the bell, is told of a success, and sets quiet hours on their page', async ({
  page,
  screens,
  tmpPath
}, info) => {
  await openForm(page, `${tmpPath}/report.ipynb`, notebook('print(1)'));
  await screens.form.getByText('Tell me when…').first().click();
  await expect(
    screens.form.getByLabel('it succeeds', { exact: true })
  ).toBeVisible();
  await screens.form.getByRole('button', { name: 'Schedule…' }).click();
  const form = page.getByRole('form', { name: 'Schedule' });
  await form.getByText('More', { exact: true }).click();
  await form.getByRole('button', { name: 'Add recipient' }).click();
  await form.getByLabel('Recipient 1').fill('bob');
  await form.getByRole('button', { name: 'Schedule', exact: true }).click();

  const schedule = page.locator('.dl-SchedulePage:visible');
  const bell = schedule.locator('.dl-Bell');
  await expect(bell).toHaveAttribute('data-choice', 'default');
  await bell.locator('summary').first().click();
  await bell.getByLabel('it succeeds', { exact: true }).check();
  await expect(bell.getByRole('status')).toHaveText('Your choice is saved.');
  await expect(bell).toHaveAttribute('data-choice', 'own');
  await expect(bell).toContainText('This installation sends no mail.');
  const found = await new AxeBuilder({ page }).include('.dl-Bell').analyze();
  expect(found.violations.map(each => each.id)).toEqual([]);
  await schedule.screenshot({ path: info.outputPath('bell-light.png') });

  await schedule.getByRole('button', { name: 'Run now' }).click();
  await expect(
    page.locator('.Toastify__toast').filter({ hasText: 'succeeded' }).first()
  ).toBeVisible();

  await execute(page, 'dataops:my-notifications');
  const mine = page.locator('#dataops-my-notifications:visible');
  await expect(mine).toContainText('it succeeds');
  await mine.getByLabel('Quiet hours').check();
  await mine.getByLabel('From').fill('22:00');
  await mine.getByLabel('Until').fill('07:00');
  await mine.getByLabel('One message a day').check();
  await mine.getByRole('button', { name: 'Save' }).click();
  await expect(mine).toContainText('Saved.');
  const axe = await new AxeBuilder({ page })
    .include('#dataops-my-notifications')
    .analyze();
  expect(axe.violations.map(each => each.id)).toEqual([]);
  await mine.screenshot({ path: info.outputPath('mine-light.png') });
  await page.theme.setDarkTheme();
  await mine.screenshot({ path: info.outputPath('mine-dark.png') });
  await execute(page, 'dataops:open-schedules');
  await page
    .locator('#dataops-schedules:visible')
    .getByRole('button', { name: 'report', exact: true })
    .click();
  await expect(bell).toBeVisible();
  await schedule.screenshot({ path: info.outputPath('bell-dark.png') });
  await page.theme.setLightTheme();

  await execute(page, 'dataops:my-notifications');
  await mine.getByRole('button', { name: 'As by default for report' }).click();
  await expect(mine).toContainText('None: you hear of trouble');
});
