import * as fs from 'fs';
import * as path from 'path';

import { violations } from './axe';
import { expect, test } from './fixtures';
import { execute, notebook, openForm } from './notebooks';

/** Files that the editor of Elyra wrote. */
const CORPUS = path.join(__dirname, '../../tests/pipelines/elyra/corpus');
/** A folder for pictures of what is looked at here, to be looked at by people. */
const PICTURES = process.env.UI_TESTS_PICTURES;

const LONG = [
  'version: 1',
  'steps:',
  ...Array.from({ length: 45 }, (_, at) =>
    [
      `  s${at}:`,
      `    command: [echo, "${at}"]`,
      at > 3 ? `    needs: [s${at - 4}]` : ''
    ]
      .filter(Boolean)
      .join('\n')
  ),
  ''
].join('\n');

const FAILING = [
  'version: 1',
  'outputs:',
  '  - {step: extract, path: "monthly/rows.csv", from: rows.csv}',
  'steps:',
  '  extract: {command: [sh, -c, "echo 1 > rows.csv"]}',
  '  check: {command: [sh, -c, "exit 1"], needs: [extract]}',
  '  report: {command: [sh, -c, "exit 0"], needs: [check]}',
  ''
].join('\n');

for (const theme of ['light', 'dark'] as const) {
  test.describe(`in the ${theme} theme`, () => {
    test.beforeEach(async ({ page }) => {
      if (theme === 'dark') {
        await page.theme.setDarkTheme();
      }
    });

    test('the editor of pipelines has no accessibility violations', async ({
      page,
      tmpPath
    }) => {
      const look = async (name: string) => {
        await shoot(name);
        expect(await violations(page, '.dl-PipelineEditor')).toEqual([]);
      };
      const shoot = async (name: string) => {
        if (PICTURES) {
          await page.screenshot({ path: `${PICTURES}/${name}-${theme}.png` });
        }
      };
      const file = 'examples/forecast/forecast.pipeline.yaml';
      await execute(page, 'docmanager:open', { path: file });
      const editor = page.locator('.dl-PipelineEditor:visible');
      await expect(editor).toContainText('No problems');
      await look('editor-pipeline');
      await editor.locator('.dl-Node[data-step=train]').click();
      await expect(editor.getByLabel('Title')).toBeVisible();
      await look('editor-graph');
      await editor.getByRole('tab', { name: 'List' }).click();
      await editor.getByRole('button', { name: 'Needs of train…' }).click();
      await look('editor-list');
      await page.contents.uploadContent(
        LONG,
        'text',
        `${tmpPath}/long.pipeline.yml`
      );
      await page.activity.closeAll();
      await execute(page, 'docmanager:open', {
        path: `${tmpPath}/long.pipeline.yml`
      });
      await editor.getByRole('tab', { name: 'Graph' }).click();
      await expect(
        editor.getByRole('img', { name: 'Map of the graph' })
      ).toBeVisible();
      await editor.locator('.dl-Node[data-step=s1]').click();
      await editor.getByText('44 other steps').click();
      await look('editor-long');
    });

    test('outputs, repair, reproduction and history have no accessibility violations', async ({
      page,
      screens,
      tmpPath
    }) => {
      test.setTimeout(240_000);
      const look = async (name: string, selector: string) => {
        if (PICTURES) {
          await page.screenshot({ path: `${PICTURES}/${name}-${theme}.png` });
        }
        expect(await violations(page, selector)).toEqual([]);
      };
      const file = `${tmpPath}/month-${theme}.pipeline.yaml`;
      await openForm(page, file, FAILING);
      await expect(screens.form).toContainText('monthly/rows.csv');
      await expect(screens.run).toBeEnabled();
      await look('form-pipeline', '.dl-RunForm');
      await screens.run.click();
      const { record } = screens;
      await expect(screens.recordInPhase('failed')).toBeVisible();
      await look('record-graph', '.dl-Record');
      await record.getByRole('tab', { name: 'Timeline' }).click();
      await expect(record.locator('[data-kind=work]').first()).toBeVisible();
      await look('record-timeline', '.dl-Record');
      await screens.action('Repair…').click();
      const repair = page.locator('.dl-RepairDialog');
      await expect(
        repair.getByRole('button', { name: 'Repair' })
      ).toBeEnabled();
      await look('repair', '.dl-RepairDialog');
      await repair.getByRole('button', { name: 'Cancel' }).click();
      await execute(page, 'dataops:pipeline-history', { path: file });
      const history = page.locator('.dl-JobPage:visible');
      await expect(history.locator('.dl-Matrix')).toBeVisible();
      await look('matrix', '.dl-JobPage');

      const sales = notebook(
        { parameters: 'region: str = "North"' },
        'open("sales.csv", "w").write(region)',
        'assert region != "West"'
      );
      await openForm(page, `${tmpPath}/sales.ipynb`, sales);
      await screens.outputsField.fill('sales.csv:monthly/{region}.csv');
      await screens.run.click();
      await expect(screens.recordInPhase('succeeded')).toBeVisible();
      await screens.tab('Artifacts').click();
      await expect(screens.output('monthly/North.csv')).toBeVisible();
      await look('record-outputs', '.dl-Record');

      await execute(page, 'dataops:run-as-job', {
        path: `${tmpPath}/sales.ipynb`
      });
      const several = screens.form.getByRole('button', {
        name: 'Several values of region'
      });
      await several.click();
      await screens.form
        .getByLabel('region', { exact: true })
        .fill('North\nWest');
      await screens.outputsField.fill('sales.csv:monthly/{region}.csv');
      await expect(screens.publish).not.toBeChecked();
      await look('form-sweep', '.dl-RunForm');
      await screens.form.getByRole('button', { name: 'Start 2 runs' }).click();
      const swept = screens.recordInPhase('failed');
      await expect(swept).toContainText('1 of 2 points did not succeed.');
      await look('record-sweep', '.dl-Record');
      await swept.getByRole('button', { name: 'region=West' }).click();
      await screens.record.getByRole('button', { name: 'Reproduce…' }).click();
      const reproduce = page.locator('.dl-ReproductionDialog');
      await expect(
        reproduce.getByRole('button', { name: 'Open Notebook' })
      ).toBeEnabled();
      await look('reproduce', '.dl-ReproductionDialog');
      await reproduce.getByRole('button', { name: 'Cancel' }).click();
    });

    test('the import of a pipeline of Elyra has no accessibility violations', async ({
      page,
      tmpPath
    }) => {
      for (const name of fs.readdirSync(CORPUS)) {
        if (fs.statSync(path.join(CORPUS, name)).isFile()) {
          const content = fs.readFileSync(path.join(CORPUS, name), 'utf8');
          await page.contents.uploadContent(
            content,
            'text',
            `${tmpPath}/${name}`
          );
        }
      }
      await page.filebrowser.openDirectory(tmpPath);
      await page
        .locator('.jp-DirListing-item', { hasText: 'totals.pipeline' })
        .first()
        .click({ button: 'right' });
      await page
        .getByRole('menuitem', { name: 'Import Elyra Pipeline…' })
        .click();
      const dialog = page.locator('.dl-ImportDialog');
      await expect(dialog).toContainText('Import totals.pipeline');
      if (PICTURES) {
        await page.screenshot({ path: `${PICTURES}/import-${theme}.png` });
      }
      expect(await violations(page, '.dl-ImportDialog')).toEqual([]);
    });
  });
}
