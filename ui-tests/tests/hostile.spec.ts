import { expect, test } from './fixtures';
import { notebook, openForm } from './notebooks';

const HTML = [
  '<img src="https://evil.example/pixel.png" onerror="window.pwned = 1">',
  '<img src="/evil.example/local.png">',
  '<script>window.pwned = 1</script>',
  '<svg onload="window.pwned = 1"><script>window.pwned = 1</script></svg>',
  '<iframe src="https://evil.example/frame"></iframe>',
  '<iframe srcdoc="<script>parent.pwned = 1</script>"></iframe>',
  '<object data="https://evil.example/object"></object>',
  '<link rel="stylesheet" href="https://evil.example/style.css">',
  '<style>@import url(https://evil.example/import.css);</style>',
  '<div style="background: url(https://evil.example/background)">x</div>',
  '<video poster="https://evil.example/poster"></video>',
  '<button data-commandlinker-command="dataops:open-runs" id="linker">click me</button>',
  '<p>harmless</p>'
].join('\n');

test('hostile outputs load nothing and run nothing, in cells and in the report', async ({
  page,
  screens,
  tmpPath
}) => {
  const asked: string[] = [];
  page.on('request', request => {
    if (request.url().includes('evil.example')) {
      asked.push(request.url());
    }
  });
  const html = JSON.stringify(HTML);
  const content = notebook(
    { markdown: `# Hostile\n\n${HTML}\n\n![x](https://evil.example/md.png)` },
    [
      'from IPython.display import display',
      `html = ${html}`,
      'js = "window.pwned = 1"',
      'display({"text/html": html}, raw=True)',
      'display({"text/markdown": html}, raw=True)',
      'display({"application/javascript": js, "text/plain": "no script"}, raw=True)',
      'display({"image/svg+xml": "<svg xmlns=\'http://www.w3.org/2000/svg\' onload=\'window.pwned = 1\'/>", "text/plain": "no svg"}, raw=True)',
      'display({"text/html": html}, raw=True, metadata={"isolated": True})',
      'display({"text/latex": r"$\\href{javascript:window.pwned=1}{x}$"}, raw=True)',
      'print(html)'
    ].join('\n')
  );
  const source = JSON.parse(content);
  // What the author says about trust counts for nothing.
  source.cells[1].metadata.trusted = true;
  await openForm(page, `${tmpPath}/hostile.ipynb`, JSON.stringify(source));
  await screens.start();
  await expect(screens.recordThatIs('succeeded')).toBeVisible();
  await expect(
    screens.record.getByText('no script', { exact: true })
  ).toBeVisible();
  await expect(
    screens.record.getByText('no svg', { exact: true })
  ).toBeVisible();
  await expect(screens.record.locator('#linker')).toHaveCount(0);

  // Once more as it is read from the record, which another page would do.
  await screens.reload();
  await expect(screens.recordThatIs('succeeded')).toBeVisible();
  await expect(
    screens.record.getByText('no script', { exact: true })
  ).toBeVisible();
  await screens.tab('Report').click();
  await expect(
    screens.record
      .frameLocator('iframe[title^=Report]')
      .getByRole('heading', { name: 'Hostile' })
  ).toBeVisible();
  expect(await page.evaluate(() => 'pwned' in window)).toBe(false);
  expect(asked).toEqual([]);
});
