import { expect, test } from './fixtures';

for (const theme of ['light', 'dark'] as const) {
  test(`a target is added, tried out, changed and removed, ${theme}`, async ({
    page,
    screens
  }) => {
    if (theme === 'dark') {
      await page.theme.setDarkTheme();
    }
    await screens.openAdministration('targets');
    const { administration } = screens;
    await expect(administration).toContainText('No mail is sent.');
    await administration.getByRole('button', { name: 'Add target' }).click();
    const form = administration.getByRole('form', { name: 'Settings' });
    await form.getByLabel('Name', { exact: true }).fill(`hook-${theme}`);
    await form.getByLabel('Channel').selectOption('webhook');
    await form.getByRole('button', { name: 'Add target' }).click();
    await expect(form.getByRole('alert')).toContainText('has an address');

    const url = 'https://127.0.0.1:1/nobody-may-read-this';
    await form.getByLabel('URL').fill(url);
    await form.getByLabel('production').check();
    await form.getByRole('button', { name: 'Add target' }).click();
    await expect(
      administration.getByRole('heading', { name: `hook-${theme}`, level: 1 })
    ).toBeVisible();
    await expect(administration).toContainText('whsec_');
    await expect(form.getByLabel('URL')).toHaveValue('');
    await expect(form.getByLabel('URL')).toHaveAttribute(
      'placeholder',
      /127\.0\.0\.1/
    );

    await administration
      .getByRole('button', { name: 'Send a test message' })
      .click();
    await expect(administration.getByRole('alert')).toContainText(
      'not a public address'
    );
    await expect(
      administration.getByRole('row', { name: /test.*failed/ })
    ).toBeVisible();
    if (process.env.PICTURES) {
      await page.screenshot({
        path: `${process.env.PICTURES}/target-${theme}.png`
      });
    }

    await form.getByLabel('Description').fill('Tickets');
    await form.getByRole('button', { name: 'Save' }).click();
    await expect(form.getByRole('status')).toContainText('Saved.');
    await administration.getByRole('button', { name: '← All targets' }).click();
    const row = administration.getByRole('row', {
      name: new RegExp(`hook-${theme}.*Tickets`)
    });
    await expect(row).toContainText('production');
    await expect(administration).not.toContainText('nobody-may-read-this');
    await expect(administration).not.toContainText('whsec_');
    if (process.env.PICTURES) {
      await page.screenshot({
        path: `${process.env.PICTURES}/targets-${theme}.png`
      });
    }

    await row.getByRole('button', { name: `hook-${theme}` }).click();
    await administration.getByRole('button', { name: 'Remove…' }).click();
    await page.getByRole('button', { name: 'Remove', exact: true }).click();
    await expect(administration).toContainText('There are no targets yet.');
  });
}
