import { expect, test } from './fixtures';
import { imageForTests, NO_DOCKER, tag } from './images';
import { notebook, openForm } from './notebooks';

test('an image is built, tried with the jobs of another one, and deprecated', async ({
  page,
  screens,
  tmpPath
}) => {
  test.setTimeout(300_000);
  const lean = imageForTests('lean');
  test.skip(lean === null, NO_DOCKER);
  const { administration, form } = screens;
  const path = `${tmpPath}/tried.ipynb`;
  await screens.addEnvironment('workshop');
  await screens.addImage('now', lean!, 'workshop');
  await openForm(page, path, notebook('print("as before")'));
  await form.getByLabel('Environment').selectOption('workshop');
  await expect(form.getByLabel('Image')).toHaveValue('now');
  await screens.run.click();
  await expect(screens.recordInPhase('succeeded')).toBeVisible({
    timeout: 90_000
  });

  await screens.openAdministration('images');
  await administration.getByRole('button', { name: 'Build…' }).click();
  const build = administration.getByRole('form', { name: 'Build an image' });
  await build.getByLabel('Name').fill('next');
  await build.getByLabel('Base').fill('now');
  await build.getByLabel('Allow it in').selectOption('workshop');
  await build.getByLabel('Packages').selectOption('kernel');
  await expect(build.getByLabel('Kernel')).toHaveValue(/python/);
  await build.getByLabel('Packages').selectOption('requirements');
  // The base has this package already, so no package index is needed.
  await build.getByLabel('requirements.txt').fill('tornado');
  await build.getByRole('button', { name: 'Build the image' }).click();
  await expect(
    administration.locator('[data-task=build][data-state=succeeded]')
  ).toContainText('Building next', { timeout: 120_000 });
  await administration
    .getByRole('button', { name: 'next', exact: true })
    .click();
  await administration.getByLabel('Jobs that ran on').selectOption('now');
  await administration.getByRole('button', { name: 'Start the trial' }).click();
  const results = administration.locator('table[data-complete=true]');
  await expect(results.getByRole('row', { name: /tried/ })).toBeVisible({
    timeout: 90_000
  });
  await expect(
    results.getByRole('button', { name: 'Open the run on next' })
  ).toContainText('Succeeded');

  await openForm(page, path);
  await form.getByLabel('Environment').selectOption('workshop');
  // Two images are allowed now, and neither is the default.
  await form.getByLabel('Image').selectOption('now');
  await screens.run.click();
  await expect(screens.recordInPhase('succeeded')).toContainText('now');
  await screens.action('Rerun With…').click();
  await expect(form.getByLabel('Image')).toHaveValue('now');
  await form.getByLabel('Image').selectOption('next');
  await screens.run.click();
  await expect(
    screens.recordInPhase('succeeded').filter({ hasText: /next/ })
  ).toContainText('version 1');

  await screens.openAdministration('images');
  await administration.getByLabel('Refused from').fill('2020-01-01');
  await administration.getByLabel('Successor').selectOption('now');
  await administration.getByRole('button', { name: 'Save' }).click();
  await expect(administration.getByRole('heading', { level: 1 })).toContainText(
    'deprecated on 2020-01-01'
  );
  await openForm(page, path);
  await form.getByLabel('Environment').selectOption('workshop');
  await expect(
    form.getByLabel('Image').getByRole('option', { name: /^next/ })
  ).toBeDisabled();
  await expect(
    form.locator('.dl-Reasons').filter({ hasText: 'Use now.' })
  ).toBeVisible();
});

test('a tag that moved is pinned anew when somebody says so, and until then nothing changes', async ({
  page,
  screens,
  tmpPath
}) => {
  test.setTimeout(300_000);
  const lean = imageForTests('lean');
  const data = imageForTests('data');
  test.skip(lean === null || data === null, NO_DOCKER);
  const { administration, form } = screens;
  const moving = 'dataops-lab-test/moving-in-browser:1';
  tag(lean!, moving);
  await screens.addEnvironment('harbour');
  await screens.addImage('ship', moving, 'harbour');
  await openForm(page, `${tmpPath}/sailing.ipynb`, notebook('print("ran")'));
  await form.getByLabel('Environment').selectOption('harbour');
  await screens.run.click();
  const record = screens.recordInPhase('succeeded');
  await expect(record).toBeVisible({ timeout: 90_000 });

  tag(data!, moving);
  await screens.openAdministration('images');
  const button = (name: string) =>
    administration.getByRole('button', { name, exact: true });
  await button('ship').click();
  await button('Look for a newer one').click();
  await expect(administration).toContainText('now means another image');
  await button('Pin the newer one').click();
  await expect(
    administration.getByRole('row', { name: /^Earlier/ })
  ).toBeVisible({ timeout: 90_000 });
  await button('Look for a newer one').click();
  await expect(administration).toContainText('still means this image');

  await page.getByRole('tab', { name: 'sailing', exact: true }).click();
  await screens.action('Rerun With…').click();
  await expect(form).toContainText('the very image of the earlier run');
});

test('a build that fails says why, and the keyboard goes on where it began', async ({
  screens
}) => {
  test.setTimeout(300_000);
  const lean = imageForTests('lean');
  test.skip(lean === null, NO_DOCKER);
  const { administration } = screens;
  await screens.addImage('ground', lean!);
  const open = administration.getByRole('button', { name: 'Build…' });
  await open.click();
  const build = administration.getByRole('form', { name: 'Build an image' });
  await build.getByLabel('Name').fill('castle');
  await build.getByLabel('Base').fill('ground');
  await build.getByLabel('Packages').selectOption('kernel');
  await expect(build).toContainText('do not come along');
  await build.getByLabel('Packages').selectOption('requirements');
  const log = administration.getByLabel('Log of Building castle');
  const packages = build.getByLabel('requirements.txt');
  await packages.fill('tornado==0.0.0.0.1');
  await build.getByRole('button', { name: 'Build the image' }).press('Enter');
  await expect(build).toHaveCount(0);
  await expect(open).toBeFocused();
  const task = administration.locator('[data-task=build][data-state=failed]');
  await expect(task).toContainText(
    'No matching distribution found for tornado==0.0.0.0.1',
    { timeout: 120_000 }
  );
  if (!(await log.isVisible())) {
    await task.locator('summary').click();
  }
  await expect(log).toContainText('pip install');
});
