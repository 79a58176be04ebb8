import { expect, test } from './fixtures';

test('a change is an entry that opens, is found by a filter, and stands in a trail that is whole', async ({
  page,
  screens
}, info) => {
  await screens.openAdministration('environments');
  const { administration } = screens;
  await administration.getByRole('button', { name: 'Add environment' }).click();
  const form = administration.getByRole('form', { name: 'Settings' });
  await form.getByLabel('Name', { exact: true }).fill('audited');
  await form.getByLabel('Executor').selectOption('process');
  await form.getByRole('button', { name: 'Add environment' }).click();
  await administration
    .getByRole('heading', { name: 'audited', level: 1 })
    .waitFor();
  await administration.locator('#dl-variable-name').fill('REGION');
  await administration.locator('#dl-variable-value').fill('never-in-trail');
  await administration
    .getByRole('button', { name: 'Set the variable' })
    .click();
  await expect(
    administration.getByRole('row', { name: /REGION/ })
  ).toContainText('never-in-trail');

  await screens.openAdministration('audit');
  await administration
    .getByLabel('Filter entries by environment')
    .selectOption('audited');
  const entries = administration.locator('tr[data-outcome]');
  await expect(entries).toHaveCount(2);
  await expect(entries.first()).toContainText('audited/REGION');
  await entries.last().getByRole('button').click();
  await expect(administration.getByLabel('Changes of the entry')).toContainText(
    'executor'
  );
  await expect(administration).not.toContainText('never-in-trail');
  await administration.getByRole('button', { name: 'Check the trail' }).click();
  await expect(administration).toContainText('The audit trail is whole');
  for (const theme of ['light', 'dark']) {
    if (theme === 'dark') {
      await page.theme.setDarkTheme();
    }
    await page.screenshot({ path: info.outputPath(`audit-${theme}.png`) });
  }

  await administration
    .getByLabel('Filter entries by outcome')
    .selectOption('refused');
  await expect(administration).toContainText('There are no such entries');
  await administration.getByRole('button', { name: 'Clear' }).click();
  await expect(entries.first()).toBeVisible();
});
