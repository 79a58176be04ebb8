import { Locator } from '@playwright/test';

import { expect, test } from './fixtures';
import { imageForTests, NO_DOCKER } from './images';
import { execute, notebook, openForm } from './notebooks';

test('an image is added and allowed, and a run in it names its digest and hides its secret', async ({
  page,
  screens,
  tmpPath
}) => {
  test.setTimeout(300_000);
  const lean = imageForTests('lean');
  const bare = imageForTests('no-papermill');
  test.skip(lean === null || bare === null, NO_DOCKER);
  const { administration, form } = screens;

  await screens.addEnvironment('boxes');
  await administration.locator('#dl-variable-name').fill('REGION');
  await administration.locator('#dl-variable-value').fill('north');
  await administration
    .getByRole('button', { name: 'Set the variable' })
    .click();
  await expect(
    administration.getByRole('row', { name: /REGION/ })
  ).toContainText('north');
  const secret = 'nobody-may-read-this-42';
  await administration.locator('#dl-secret-name').fill('TOKEN');
  await administration.locator('#dl-secret-value').fill(secret);
  await administration.getByRole('button', { name: 'Set the secret' }).click();
  await expect(
    administration.getByRole('row', { name: /TOKEN/ })
  ).toContainText('version 1');
  await expect(administration).not.toContainText(secret);

  await screens.addImage('lean', lean!);
  await screens.addImage('bare', bare!, 'boxes');
  const row = administration.getByRole('row', { name: /^lean\b/ });
  await expect(row).toContainText('runs notebooks');
  await expect(row).toContainText('python3');
  await administration
    .getByRole('button', { name: 'bare', exact: true })
    .click();
  await expect(administration.getByRole('alert')).toContainText('papermill');

  const path = `${tmpPath}/boxed.ipynb`;
  const content = notebook(
    'import os\nprint(os.environ["REGION"], os.environ["TOKEN"], os.getuid())'
  );
  await openForm(page, path, content);
  const environment = form.getByLabel('Environment');
  await expect(
    environment.getByRole('option', { name: 'boxes' })
  ).toBeDisabled();
  await expect(form.locator('.dl-Reasons')).toContainText('boxes');

  await screens.openAdministration('images');
  await administration.getByRole('button', { name: '← All images' }).click();
  await administration
    .getByRole('button', { name: 'lean', exact: true })
    .click();
  // The box is checked only after the answer of the server, so this is a click and not `check`.
  await administration.getByLabel('boxes').click();
  await expect(administration.getByLabel('boxes')).toBeChecked();

  await openForm(page, path);
  await expect(
    environment.getByRole('option', { name: 'boxes' })
  ).toBeEnabled();
  await environment.selectOption('boxes');
  const image = form.getByLabel('Image');
  await expect(image.getByRole('option', { name: /bare/ })).toBeDisabled();
  await expect(form.locator('.dl-Reasons')).toContainText('papermill');
  await image.selectOption('lean');
  await form.getByLabel('Memory, GB').fill('64');
  await screens.run.click();
  await expect(form.getByRole('alert')).toContainText('at most 1 GB');
  await form.getByLabel('Memory, GB').fill('');
  await screens.run.click();
  await expect(screens.recordInPhase('succeeded')).toBeVisible({
    timeout: 90_000
  });
  await expect(screens.record).toContainText('north *** 1000');
  await expect(screens.record).not.toContainText(secret);
  await screens.tab('Parameters').click();
  const facts = screens.record.getByRole('row', { name: /^Image digest/ });
  const digest = await facts.locator('code').getAttribute('title');
  await execute(page, 'dataops:administration', {
    page: 'images',
    name: 'lean'
  });
  await expect(
    administration.getByRole('row', { name: /^Pinned to/ }).locator('code')
  ).toHaveAttribute('title', digest!);
  await expect(administration).toContainText('boxed');
});

test('an environment is added, changed and removed, and what is refused is said', async ({
  page,
  screens
}) => {
  await screens.openAdministration('environments');
  const { administration } = screens;
  await administration.getByRole('button', { name: 'Add environment' }).click();
  const form = administration.getByRole('form', { name: 'Settings' });
  await form.getByLabel('Name', { exact: true }).fill('No Such Name');
  await form.getByLabel('CPUs').fill('-1');
  await form.getByRole('button', { name: 'Add environment' }).click();
  const problem = (text: string) =>
    form.getByRole('alert').filter({ hasText: text });
  await expect(problem('greater than 0')).toBeVisible();
  await form.getByLabel('CPUs').fill('2');
  await form.getByRole('button', { name: 'Add environment' }).click();
  await expect(problem('small letters')).toBeVisible();
  await form.getByLabel('Name', { exact: true }).fill('staging');
  await form.getByLabel('Executor').selectOption('process');
  await expect(form).toContainText('not enforced');
  await form.getByRole('button', { name: 'Add environment' }).click();
  await expect(
    administration.getByRole('heading', { name: 'staging', level: 1 })
  ).toBeVisible();

  await form.getByLabel('Place in promotion order').fill('2');
  await form.getByLabel('timeout').check();
  await form.getByRole('button', { name: 'Save' }).click();
  await expect(form).toContainText('Saved.');
  await administration.locator('#dl-variable-name').fill('PATH');
  await administration.locator('#dl-variable-value').fill('/tmp');
  await administration
    .getByRole('button', { name: 'Set the variable' })
    .click();
  await expect(
    administration.getByRole('region', { name: 'Variables' }).getByRole('alert')
  ).toContainText('PATH');

  await administration
    .getByRole('button', { name: '← All environments' })
    .click();
  await expect(administration.getByRole('row').nth(2)).toContainText('staging');
  await administration.getByRole('button', { name: 'staging' }).click();
  await administration.getByRole('button', { name: 'Remove…' }).click();
  await page
    .getByRole('dialog')
    .getByRole('button', { name: 'Remove' })
    .click();
  await expect(
    administration.getByRole('row', { name: /production/ })
  ).toBeVisible();
  await expect(
    administration.getByRole('row', { name: /staging/ })
  ).toHaveCount(0);
});

test('an environment is added with the keyboard alone', async ({
  page,
  screens
}) => {
  await screens.openAdministration('environments');
  const { administration } = screens;
  const { keyboard } = page;
  const tabTo = async (wanted: Locator) => {
    for (let times = 0; times < 60; times++) {
      if (
        await wanted.evaluate(element => element === document.activeElement)
      ) {
        return;
      }
      await keyboard.press('Tab');
    }
    throw new Error('The keyboard does not get there.');
  };
  const button = (name: string) => administration.getByRole('button', { name });
  await expect(button('Add environment')).toBeVisible();
  await administration.getByRole('tab', { name: 'Environments' }).focus();
  await keyboard.press('ArrowRight');
  await expect(administration.locator('[data-page=images]')).toBeVisible();
  await keyboard.press('ArrowLeft');
  await expect(button('Add environment')).toBeVisible();
  await tabTo(button('Add environment'));
  await keyboard.press('Enter');
  const form = administration.getByRole('form', { name: 'Settings' });
  await form.waitFor();
  await tabTo(form.getByLabel('Name', { exact: true }));
  await keyboard.type('typed');
  await tabTo(form.getByRole('button', { name: 'Add environment' }));
  await keyboard.press('Enter');
  await administration
    .getByRole('heading', { name: 'typed', level: 1 })
    .waitFor();
  await tabTo(form.getByLabel('Description'));
  await keyboard.type('with the keyboard');
  await tabTo(button('Save'));
  await keyboard.press('Enter');
  await expect(administration).toContainText('Saved.');
  await expect(button('Save')).toBeFocused();
  await tabTo(administration.locator('#dl-variable-name'));
  await keyboard.type('REGION');
  await keyboard.press('Enter');
  await tabTo(button('Remove REGION'));
  await keyboard.press('Enter');
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText('REGION');
  await tabTo(dialog.getByRole('button', { name: 'Remove' }));
  await keyboard.press('Enter');
  await expect(administration).not.toContainText('REGION');
  await expect(administration.locator(':focus')).toHaveCount(1);
  await tabTo(button('← All environments'));
  await keyboard.press('Enter');
  await tabTo(button('typed'));
});

test('a run is kept, and deleted when its hold is removed', async ({
  page,
  screens,
  tmpPath
}) => {
  await openForm(page, `${tmpPath}/forgotten.ipynb`, notebook('1'));
  await screens.run.click();
  await expect(screens.recordInPhase('succeeded')).toBeVisible();
  await screens.action('Keep').click();
  await expect(screens.record).toContainText('kept by');
  await expect(screens.action('Delete…')).toBeDisabled();
  await screens.action('Remove Hold').click();
  await screens.action('Delete…').click();
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText('for good');
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await expect(screens.record).toHaveCount(0);
  await screens.openList();
  await expect(screens.list.getByRole('searchbox')).toBeVisible();
  await expect(
    screens.list.getByRole('row', { name: /forgotten/ })
  ).toHaveCount(0);
});

test('retention rules say what they would take before they take it', async ({
  page,
  screens,
  tmpPath
}) => {
  await openForm(page, `${tmpPath}/outlived.ipynb`, notebook('1 / 0'));
  await screens.run.click();
  await expect(screens.recordInPhase('failed')).toBeVisible();
  await screens.openAdministration('retention');
  const { administration } = screens;
  await administration.getByRole('button', { name: 'Add a rule' }).click();
  await administration.getByLabel('State').selectOption({ label: 'Failed' });
  await administration.getByLabel('Keep for days').fill('0');
  await administration.getByLabel('Keep the last of each job').fill('0');
  await administration.getByRole('button', { name: 'Preview' }).click();
  await expect(administration).toContainText('would go');
  await administration
    .getByRole('button', { name: 'outlived' })
    .first()
    .click();
  await expect(screens.recordInPhase('failed')).toBeVisible();
});

test('the settings of a job hold for its next run', async ({
  page,
  screens,
  tmpPath
}) => {
  await openForm(page, `${tmpPath}/tuned.ipynb`, notebook('1'));
  await screens.run.click();
  await expect(screens.recordInPhase('succeeded')).toBeVisible();
  await screens.action('Job Settings…').click();
  const settings = page.locator('.dl-RunFormPanel:visible');
  await settings.getByLabel('Priority').fill('7');
  await settings.getByLabel('Retries').fill('99');
  await settings.getByRole('button', { name: 'Save' }).click();
  await expect(settings.getByRole('alert')).toContainText('from 0 to 10');
  await settings.getByLabel('Retries').fill('2');
  await settings.getByRole('button', { name: 'Save' }).click();
  await expect(settings).toContainText('Saved.');

  await openForm(page, `${tmpPath}/tuned.ipynb`);
  await screens.run.click();
  await expect(screens.recordInPhase('succeeded')).toBeVisible();
  await screens.tab('Parameters').click();
  await expect(
    screens.record.getByRole('row', { name: /^Priority/ })
  ).toContainText('7');
});

test('whoever may not administer finds no way that leads nowhere', async ({
  page,
  screens
}) => {
  await page.route('**/dataops/api/v1/status*', async route => {
    const response = await route.fetch();
    const status = await response.json();
    await route.fulfill({
      response,
      json: { ...status, may_administer: false }
    });
  });
  await execute(page, 'dataops:administration');
  await screens.openSidebar();
  await expect(screens.sidebar).toContainText(/run/i);
  await expect(
    screens.sidebar.getByRole('button', { name: 'Administration' })
  ).toHaveCount(0);
  await expect(screens.administration).toContainText('for administrators');
  await expect(screens.administration.getByRole('button')).toHaveCount(0);
});
