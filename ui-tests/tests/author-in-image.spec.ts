import { expect, test } from './fixtures';
import { imageForTests, NO_DOCKER } from './images';
import { execute, notebook, openNotebook } from './notebooks';

test('a notebook is written on the kernel of an image, and runs as a job where it was written', async ({
  page,
  screens,
  tmpPath
}) => {
  test.setTimeout(300_000);
  const lean = imageForTests('lean');
  test.skip(lean === null, NO_DOCKER);
  const { administration, form } = screens;
  const content = notebook('import os\nprint(os.getuid(), os.getcwd())');
  const path = `${tmpPath}/written_there.ipynb`;
  await page.contents.uploadContent(content, 'text', path);
  await screens.addEnvironment('desk');
  await screens.addImage('written-on', lean!, 'desk');
  // With two images the environment does not choose one by itself.
  await screens.addImage('beside-it', lean!, 'desk');

  await openNotebook(page, path);
  const kernel = 'Python 3 (ipykernel) in written-on';
  // The administration makes the page read the list of kernels again.
  await expect
    .poll(
      () =>
        page.evaluate(() =>
          Object.values(
            window.jupyterapp.serviceManager.kernelspecs.specs!.kernelspecs
          ).map(kernelspec => kernelspec!.display_name)
        ),
      { timeout: 40_000 }
    )
    .toContain(kernel);
  const chosen = execute(page, 'notebook:change-kernel');
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('combobox').selectOption({ label: kernel });
  await dialog.getByRole('button', { name: /^Select/ }).click();
  await chosen;
  await execute(page, 'notebook:run-all-cells');
  await expect(
    page.locator('.jp-NotebookPanel:visible .jp-OutputArea-output')
  ).toContainText(`1000 /workspace/${tmpPath}`, { timeout: 90_000 });

  await screens.runAsJob.click();
  await expect(form.getByLabel('Environment')).toHaveValue('desk');
  await expect(form.getByLabel('Image')).toHaveValue('written-on');
  await screens.run.click();
  await expect(screens.recordInPhase('succeeded')).toBeVisible({
    timeout: 90_000
  });
  await expect(screens.record).toContainText('1000 /');
  await screens.tab('Parameters').click();
  await expect(
    screens.record.getByRole('row', { name: /^Image\b/ }).first()
  ).toContainText('written-on');
  const digest = await screens.record
    .getByRole('row', { name: /^Image digest/ })
    .locator('code')
    .getAttribute('title');
  await execute(page, 'dataops:administration', {
    page: 'images',
    name: 'written-on'
  });
  await expect(
    administration.getByRole('row', { name: /^Pinned to/ }).locator('code')
  ).toHaveAttribute('title', digest!);
});
