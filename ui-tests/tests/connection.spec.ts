import { expect, test } from './fixtures';
import { notebook, openForm } from './notebooks';
import { Wire } from './wire';

const SERVER = Number(process.env.UI_TESTS_PORT);
const PORT = Number(process.env.UI_TESTS_WIRE_PORT);

let wire: Wire;

test.use({ baseURL: `http://127.0.0.1:${PORT}` });

test.beforeAll(async () => {
  wire = new Wire(SERVER);
  await wire.listen(PORT);
});

test.afterAll(() => wire.close());

test('a lost connection is said, and nothing is lost or doubled', async ({
  page,
  screens,
  gate,
  tmpPath
}) => {
  const content = notebook('print("before")', gate.cell, 'print("after")');
  await openForm(page, `${tmpPath}/offline.ipynb`, content);
  await screens.start();
  const written = screens.record.locator('.jp-OutputArea-output');
  await expect(written.getByText('before')).toHaveCount(1);
  const resumed = page.waitForRequest(
    request =>
      request.url().includes('/dataops/api/v1/events') &&
      request.headers()['last-event-id'] !== undefined
  );
  wire.cut();
  await expect(screens.record).toContainText('reconnecting');
  gate.open();
  wire.restore();
  await resumed;
  await expect(screens.recordInPhase('succeeded')).toBeVisible();
  await expect(screens.record).not.toContainText('reconnecting');
  await expect(written.getByText('before')).toHaveCount(1);
  await expect(written.getByText('after')).toHaveCount(1);
});
