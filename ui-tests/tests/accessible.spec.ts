import { violations } from './axe';
import { expect, test } from './fixtures';
import { imageForTests, NO_DOCKER } from './images';
import { notebook, openForm } from './notebooks';

test('form, record, list and sidebar have no accessibility violations', async ({
  page,
  screens,
  tmpPath
}) => {
  const content = notebook(
    {
      parameters: [
        'from typing import Literal, Optional',
        'region: Literal["North", "South"] = "North"  # where',
        'top: int = 3',
        'share: Optional[float] = None',
        'names: list[str] = ["a"]',
        'full: bool = True'
      ].join('\n')
    },
    '1 / 0'
  );
  await openForm(page, `${tmpPath}/accessible.ipynb`, content);
  await expect(screens.run).toBeEnabled();
  expect(await violations(page, '.dl-RunForm')).toEqual([]);
  await screens.run.click();
  await expect(screens.recordInPhase('failed')).toBeVisible();
  expect(await violations(page, '.dl-Record')).toEqual([]);
  for (const tab of ['Log', 'Parameters', 'Artifacts']) {
    await screens.tab(tab).click();
    expect(await violations(page, '.dl-Record')).toEqual([]);
  }
  await screens.openSidebar();
  await expect(screens.sidebar).toContainText('accessible');
  expect(await violations(page, '.dl-Sidebar')).toEqual([]);
  await screens.openList();
  await expect(screens.list).toContainText('accessible');
  expect(await violations(page, '.dl-RunsList')).toEqual([]);
});

const PIPELINE = `
version: 1
steps:
  each:
    notebook: each.ipynb
    for_each: {inputs: [1, 2]}
  skipped:
    notebook: each.ipynb
    needs: [each]
    if: "false"
  ask:
    approve: {ask: "Are these right?"}
    needs: [each]
`;

for (const theme of ['light', 'dark'] as const) {
  test(`the form and the record of a pipeline have no accessibility violations, ${theme}`, async ({
    page,
    screens,
    tmpPath
  }) => {
    if (theme === 'dark') {
      await page.theme.setDarkTheme();
    }
    const path = `${tmpPath}/asks.pipeline.yaml`;
    await page.contents.uploadContent(
      notebook('print(1)'),
      'text',
      `${tmpPath}/each.ipynb`
    );
    await page.contents.uploadContent('steps: []', 'text', path);
    await openForm(page, path);
    await expect(screens.form.getByRole('alert')).toBeVisible();
    expect(await violations(page, '.dl-RunForm')).toEqual([]);
    await page.contents.uploadContent(PIPELINE, 'text', path);
    await screens.form.getByRole('button', { name: 'Check again' }).click();
    await expect(screens.run).toBeEnabled();
    expect(await violations(page, '.dl-RunForm')).toEqual([]);
    await screens.run.click();
    const { record } = screens;
    await expect(record.getByRole('button', { name: 'Approve' })).toBeVisible();
    await record.getByRole('button', { name: /^each 2 of 2/ }).click();
    await expect(record.getByRole('row', { name: /^2 / })).toBeVisible();
    expect(await violations(page, '.dl-Record')).toEqual([]);
    await screens.openSidebar();
    await expect(screens.sidebar).toContainText('Awaiting approval');
    expect(await violations(page, '.dl-Sidebar')).toEqual([]);
    await screens.openList();
    await expect(screens.list).toContainText('asks');
    expect(await violations(page, '.dl-RunsList')).toEqual([]);
    await screens.list.getByRole('button', { name: 'asks' }).first().click();
    await record.getByRole('button', { name: 'Approve' }).click();
    await expect(screens.recordInPhase('succeeded')).toBeVisible();
  });

  test(`the administration has no accessibility violations, ${theme}`, async ({
    page,
    screens
  }) => {
    if (theme === 'dark') {
      await page.theme.setDarkTheme();
    }
    const { administration } = screens;
    const isAccessible = async () =>
      expect(await violations(page, '.dl-Administration')).toEqual([]);
    await screens.openAdministration('environments');
    await expect(
      administration.getByRole('row', { name: /sandbox/ })
    ).toBeVisible();
    await isAccessible();
    await administration
      .getByRole('button', { name: 'Add environment' })
      .click();
    await administration.getByRole('button', { name: 'Add a folder' }).click();
    await isAccessible();
    await screens.openAdministration('images');
    await administration
      .getByRole('button', { name: 'Add by reference…' })
      .click();
    await isAccessible();
    await administration.getByRole('button', { name: 'Build…' }).click();
    await isAccessible();
    await screens.openAdministration('retention');
    await administration.getByRole('button', { name: 'Add a rule' }).click();
    await administration.getByRole('button', { name: 'Preview' }).click();
    await expect(administration).toContainText('would go');
    await isAccessible();
    await screens.openAdministration('audit');
    await administration
      .getByRole('button', { name: 'Details of entry 1', exact: true })
      .click();
    await administration
      .getByRole('button', { name: 'Check the trail' })
      .click();
    await expect(administration).toContainText('The audit trail is');
    await isAccessible();
  });

  test(`the pages of an environment and of an image have no accessibility violations, ${theme}`, async ({
    page,
    screens
  }) => {
    test.setTimeout(240_000);
    const lean = imageForTests('lean');
    test.skip(lean === null, NO_DOCKER);
    if (theme === 'dark') {
      await page.theme.setDarkTheme();
    }
    const { administration } = screens;
    await screens.addEnvironment(`axe-${theme}`);
    await administration.locator('#dl-secret-name').fill('TOKEN');
    await administration.locator('#dl-secret-value').fill('nobody-reads-it');
    await administration
      .getByRole('button', { name: 'Set the secret' })
      .click();
    await expect(
      administration.getByRole('row', { name: /TOKEN/ })
    ).toBeVisible();
    expect(await violations(page, '.dl-Administration')).toEqual([]);
    await screens.addImage(`axe-${theme}`, lean!, `axe-${theme}`);
    expect(await violations(page, '.dl-Administration')).toEqual([]);
    await administration
      .getByRole('button', { name: `axe-${theme}`, exact: true })
      .click();
    await expect(administration).toContainText('No job ran on it');
    expect(await violations(page, '.dl-Administration')).toEqual([]);

    await openForm(page, 'examples/reports/monthly_sales.ipynb');
    await screens.form.getByLabel('Environment').selectOption(`axe-${theme}`);
    await expect(screens.form.getByLabel('Image')).toBeVisible();
    await screens.form.getByText('More', { exact: true }).click();
    expect(await violations(page, '.dl-RunForm')).toEqual([]);
  });
}
