import * as fs from 'fs';

import { expect, test } from './fixtures';
import { execute, notebook, openForm } from './notebooks';

test('a record that is damaged says what of it, once, and when it is opened again', async ({
  page,
  screens,
  tmpPath
}) => {
  await openForm(page, `${tmpPath}/rusty.ipynb`, notebook('print("ran")'));
  await screens.run.click();
  await expect(screens.recordInPhase('succeeded')).toBeVisible();
  const { home, id, digest } = await page.evaluate(async () => {
    const get = async (path: string) =>
      (await fetch(`/dataops/api/v1/${path}`)).json();
    const { items } = await get('runs?limit=1');
    const { digests } = await get(`runs/${items[0].id}`);
    const { home } = await get('status');
    return { home, id: items[0].id, digest: digests.output };
  });
  const [kind, hex] = digest.split(':');
  const blob = `${home}/blobs/${kind}/${hex.slice(0, 2)}/${hex.slice(2)}`;
  fs.chmodSync(blob, 0o644);
  fs.appendFileSync(blob, ' ');

  await execute(page, 'dataops:verify-record', { id });
  const damage = screens.record.getByRole('alert');
  await expect(damage).toContainText('output.ipynb');
  await expect(damage).toContainText('dataops restore');
  await execute(page, 'application:close');
  await expect(screens.record).toHaveCount(0);
  await execute(page, 'dataops:open-run', { id });
  await expect(damage).toContainText('output.ipynb');
  await expect(damage).toHaveCount(1);
});
