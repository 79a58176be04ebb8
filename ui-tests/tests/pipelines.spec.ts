import { expect, test } from './fixtures';
import { execute, notebook, openText } from './notebooks';

const APPROVAL = [
  '  publish:',
  '    approve: {ask: "Publish these figures?"}',
  '    needs: [report]',
  ''
].join('\n');

test('a pipeline of selected notebooks is checked, run and approved', async ({
  page,
  screens,
  tmpPath
}) => {
  const extract = notebook(
    { parameters: 'month: str = "2026-01"' },
    'open("sales.csv", "w").write(month)'
  );
  const report = notebook('print("Sales of", open("sales.csv").read())');
  const folder = `${tmpPath}/sales`;
  await page.contents.createDirectory(folder);
  for (const [name, content] of [
    ['1_extract', extract],
    ['2_report', report]
  ]) {
    const path = `${folder}/${name}.ipynb`;
    await page.contents.uploadContent(content, 'text', path);
  }
  await page.filebrowser.openDirectory(folder);
  const file = (name: string) =>
    page.locator('.jp-DirListing-item', { hasText: name });
  await file('1_extract').click();
  await file('2_report').click({ modifiers: ['Shift'] });
  await file('2_report').click({ button: 'right' });
  await page.getByRole('menuitem', { name: 'New Pipeline of These' }).click();
  await expect(page.locator('.dl-Canvas .dl-Node')).toHaveCount(2);
  await openText(page, `${folder}/sales.pipeline.yaml`);
  const editor = page.locator('.jp-FileEditor:visible .cm-content');
  await expect(editor).toContainText('needs: [extract]');
  await expect(page.getByText('extract → report')).toBeVisible();

  await editor.click();
  await page.keyboard.press('ControlOrMeta+End');
  await page.keyboard.insertText(APPROVAL.replace('report', 'reprot'));
  const checked = page.evaluate(() => {
    // The command ends when its dialog is closed.
    void window.jupyterapp.commands.execute('dataops:check-pipeline');
  });
  await checked;
  const problems = page.locator('.dl-Problems');
  await expect(problems).toContainText('reprot');
  await problems.getByRole('button').first().click();
  await expect(problems).toHaveCount(0);
  await page.keyboard.press('ControlOrMeta+a');
  const fixed = (await editor.innerText()).replace(/reprot/g, 'report');
  await page.keyboard.insertText(fixed.trimEnd() + '\n');
  await execute(page, 'dataops:check-pipeline');
  await expect(page.getByText('has no problems')).toBeVisible();

  // The command ends when the question is answered.
  const asked = execute(page, 'dataops:run-as-job');
  await page
    .locator('.jp-Dialog')
    .getByRole('button', { name: 'Save' })
    .click();
  await asked;
  await expect(screens.form).toContainText('Run pipeline');
  await expect(screens.form.locator('.dl-Node')).toHaveCount(3);
  await screens.form.getByRole('button', { name: 'Run', exact: true }).click();

  const { record } = screens;
  const node = (step: string) => record.locator(`.dl-Node[data-step=${step}]`);
  await expect(node('publish')).toContainText('Awaiting approval');
  await expect(node('report')).toContainText('Succeeded');
  await screens.openSidebar();
  await expect(
    screens.sidebar
      .getByRole('region', { name: /Running now/ })
      .getByRole('button', { name: /sales/ })
  ).toContainText('Awaiting approval');

  const question = record.getByRole('region', {
    name: 'Publish these figures?'
  });
  await question.getByRole('button', { name: 'Look at report' }).click();
  await expect(screens.recordInPhase('succeeded')).toContainText(
    'Sales of 2026-01'
  );
  await screens.record.getByRole('button', { name: /^Step report/ }).click();
  await question.getByLabel('Comment').fill('They look right.');
  await question.getByRole('button', { name: 'Approve' }).click();
  await expect(screens.recordInPhase('succeeded')).toContainText('Approved');
  await expect(record.getByRole('row', { name: /publish/ })).toContainText(
    'They look right.'
  );
});

test('an approval is found in the sidebar, and the runs of its pipeline by keyboard', async ({
  page,
  screens,
  tmpPath
}) => {
  const file = `${tmpPath}/release.pipeline.yaml`;
  const steps = [
    'version: 1',
    'steps:',
    '  figures: {command: [sh, -c, "echo 42 > figures.txt"]}',
    '  release:',
    '    approve: {ask: "Release the figures?", within: 30m}',
    '    needs: [figures]',
    ''
  ];
  await page.contents.uploadContent(steps.join('\n'), 'text', file);
  await execute(page, 'dataops:run-as-job', { path: file });
  const run = { name: 'Run', exact: true };
  await screens.form.getByRole('button', run).click();
  await expect(screens.recordInPhase('awaiting_approval')).toBeVisible();
  await page.activity.closeAll();

  await screens.openSidebar();
  const waiting = screens.sidebar.getByRole('region', {
    name: /Waits for you/
  });
  const asked = waiting.getByRole('listitem').filter({
    hasText: 'Release the figures?'
  });
  await expect(asked).toContainText('expires soon');
  await asked.getByRole('button', { name: 'Look at figures' }).click();
  await expect(screens.recordInPhase('succeeded')).toBeVisible();
  await page.activity.closeAll();
  await screens.openSidebar();
  await asked.getByRole('button', { name: /Release the figures\?/ }).click();
  const question = screens.record.getByRole('region', {
    name: 'Release the figures?'
  });
  await question.getByRole('button', { name: 'Approve' }).click();
  await expect(screens.recordInPhase('succeeded')).toContainText('Approved');
  await expect(asked).toHaveCount(0);

  await screens.record
    .getByRole('button', { name: 'Pipeline History' })
    .click();
  const grid = page.getByRole('grid', { name: 'Runs and steps' });
  await expect(grid.getByRole('columnheader')).toHaveCount(1);
  await grid.locator('[data-row="0"]').first().focus();
  await page.keyboard.press('ArrowDown');
  await expect(grid.getByRole('button', { name: /^figures: / })).toBeFocused();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Enter');
  await expect(
    screens.record.getByRole('button', { name: /^Step figures/ })
  ).toBeVisible();
});

test('steps that have not changed are reused when asked, and the form says which', async ({
  page,
  screens,
  tmpPath
}) => {
  const file = `${tmpPath}/again.pipeline.yaml`;
  const steps = [
    'version: 1',
    'parameters: {n: {type: integer, default: 1}}',
    'steps:',
    '  extract: {command: [sh, -c, "echo 1 > rows.csv"]}',
    '  report: {command: [sh, -c, "exit 0"], needs: [extract], with: {n: {cel: params.n}}}',
    ''
  ];
  await page.contents.uploadContent(steps.join('\n'), 'text', file);
  const run = { name: 'Run', exact: true };
  await execute(page, 'dataops:run-as-job', { path: file });
  await screens.form.getByRole('button', run).click();
  await expect(screens.recordInPhase('succeeded')).toBeVisible();
  await screens.record.getByRole('tab', { name: 'Timeline' }).click();
  await expect(screens.record.locator('[data-kind=work]')).toHaveCount(2);
  await page.activity.closeAll();

  await execute(page, 'dataops:run-as-job', { path: file });
  await screens.form.getByLabel('Reuse results of unchanged steps').check();
  const fate = (step: string) =>
    screens.form.locator(`.dl-Reuse [data-step=${step}]`);
  await expect(fate('extract')).toContainText('reused');
  await expect(fate('report')).toContainText('reused');
  await screens.form.getByLabel(/^n/).fill('2');
  await expect(fate('report')).toContainText('The parameter `n` changed.');
  await screens.form.getByRole('button', run).click();
  await expect(screens.recordInPhase('succeeded')).toBeVisible();
  const row = (step: string) =>
    screens.record.locator(`tr[data-step=${step}]`).last();
  await expect(row('extract')).toContainText('Reused');
  await expect(row('extract')).toContainText('Unchanged since run');
  await expect(row('report')).toContainText('Succeeded');
});
