import { IJupyterLabPageFixture } from '@jupyterlab/galata';
import type { Locator } from '@playwright/test';

import { expect, test } from './fixtures';
import { notebook, openForm } from './notebooks';
import type { Screens } from './screens';

/** Markup that loads, runs code, covers the page or links away. Every address has "evil" in it, also those of Lab. */
const HTML = [
  '<img src="https://evil.example/pixel.png" onerror="window.pwned = 1">',
  '<img src="/evil.example/local.png">',
  '<script>window.pwned = 1</script>',
  '<svg onload="window.pwned = 1"><script>window.pwned = 1</script></svg>',
  '<svg><a href="/logout?evil"><text y="20">x</text></a></svg>',
  '<iframe src="https://evil.example/frame"></iframe>',
  '<iframe srcdoc="<script>parent.pwned = 1</script>"></iframe>',
  '<object data="https://evil.example/object"></object>',
  '<link rel="stylesheet" href="https://evil.example/style.css">',
  '<style>@import url(https://evil.example/import.css);</style>',
  '<div style="background: url(https://evil.example/background)">x</div>',
  '<div style="cursor: url(https://evil.example/cursor), auto">x</div>',
  '<video poster="https://evil.example/poster"></video>',
  '<audio autoplay src="/evil.example/audio"></audio>',
  '<button data-commandlinker-command="dataops:open-runs" id="linker">click me</button>',
  '<label for="jp-main-dock-panel" accesskey="a" tabindex="1">label</label>',
  '<div contenteditable draggable="true" autofocus slot="x" part="x">edit</div>',
  '<img usemap="#evil" src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">',
  '<map name="evil"><area href="/logout?evil-area" target="_top"></map>',
  '<a href="https://evil.example/top" target="_top" ping="/evil-ping">lead away</a>',
  '<a href="https://evil.example/self" target="_self" download>lead away</a>',
  '<a href="http:/logout?evil">log out</a>',
  '<a href="/logout?evil">log out</a>',
  '<a href="http:logout?evil">log out</a>',
  '<a href="javascript:window.pwned=1">script</a>',
  '<p>harmless</p>'
].join('\n');

/** Diagrams that Mermaid would draw in the page, with pictures from elsewhere. */
const MERMAID = [
  'flowchart TD\n A@{ img: "https://evil.example/mermaid.png", label: "x", w: 60, h: 60 }',
  'flowchart TD\n A@{ img: "/logout?evil-mermaid", label: "x", w: 60, h: 60 }',
  `flowchart TD\n A["<img src='https://evil.example/label.png'>"]`,
  'flowchart TD\n A["`<img src=https://evil.example/string.png>`"]',
  `block-beta\n a["<img src='https://evil.example/block.png'>"]`,
  '%%{init: {"themeCSS": ".node rect{fill:url(https://evil.example/theme.svg)}"}}%%\nflowchart TD\n A --> B'
];
const DIAGRAMS = MERMAID.flatMap(source => [
  '```mermaid\n' + source + '\n```',
  '~~~~  mermaid  \n' + source + '\n~~~~',
  ('- > ```mermaid\n' + source + '\n```').replace(/\n/g, '\n  > ')
]).join('\n\n');

/** Formulas that make MathJax load, link, or remember macros for the formulas of other notebooks. */
const MATH = [
  '$\\mmlToken{mglyph}[src="https://evil.example/mglyph"]{}$',
  '$\\mmlToken{mglyph}[src="/logout?evil-mglyph"]{}$',
  '$\\mmlToken{mi}[style="background:url(https://evil.example/mi)"]{x}$',
  '$\\style{cursor:url(https://evil.example/math-cursor),auto}{x}$',
  '$\\def\\omega{\\mmlToken{mglyph}[src="https://evil.example/remembered"]{}}$',
  '$\\require{evil}$',
  '$\\href{javascript:window.pwned=1}{x}$',
  '$\\href{/logout?evil-href}{x}$',
  '$\\cssId{main}{\\class{jp-Dialog}{x}}$'
].join(' ');
const FORMULA = '$\\frac{1}{2}$';

/** The paths that Lab and the extension request by themselves, below the address of the server. */
const KNOWN = /^\/(lab|static|api|lsp|dataops)([/?]|$)/;

/** Collect every request of the page that is not one of Lab's own. */
function foreignRequests(page: IJupyterLabPageFixture): string[] {
  const { origin } = new URL(page.url());
  const foreign: string[] = [];
  page.on('request', request => {
    const url = new URL(request.url());
    const isOwn =
      ['data:', 'blob:', 'about:'].includes(url.protocol) ||
      (url.origin === origin && KNOWN.test(url.pathname));
    if (!isOwn || url.href.includes('evil')) {
      foreign.push(url.href);
    }
  });
  return foreign;
}

/** Run a notebook that shows `bundles`, and wait until the last of them is there. */
async function createRecord(
  page: IJupyterLabPageFixture,
  screens: Screens,
  path: string,
  markdown: string,
  bundles: { data: object; metadata?: object }[]
): Promise<void> {
  const source = JSON.parse(
    notebook(
      { markdown },
      [
        'import json',
        'from IPython.display import display',
        `for bundle in json.loads(${JSON.stringify(JSON.stringify(bundles))}):`,
        '    display(bundle["data"], raw=True, metadata=bundle.get("metadata"))',
        'print("All is shown.")'
      ].join('\n')
    )
  );
  // The word of the author about trust must have no effect.
  source.cells[1].metadata.trusted = true;
  await openForm(page, path, JSON.stringify(source));
  await screens.start();
  await waitUntilShown(screens);
}

async function waitUntilShown(screens: Screens): Promise<void> {
  await expect(screens.recordInPhase('succeeded')).toBeVisible();
  await expect(
    screens.record.getByText('All is shown.', { exact: true })
  ).toBeAttached();
}

function outputs(screens: Screens): Locator {
  return screens.record.locator('.jp-OutputArea');
}

/** Open the report, and wait until its frame shows it. */
async function openReport(screens: Screens, heading: string): Promise<void> {
  await screens.tab('Report').click();
  await expect(
    screens.record
      .frameLocator('iframe[title^=Report]')
      .getByRole('heading', { name: heading })
  ).toBeVisible();
}

test('hostile outputs load nothing and run nothing, in cells and in the report', async ({
  page,
  screens,
  tmpPath
}) => {
  const foreign = foreignRequests(page);
  const { origin } = new URL(page.url());
  const counts = { popups: 0, dialogs: 0 };
  page.on('popup', () => counts.popups++);
  page.on('dialog', () => counts.dialogs++);
  await createRecord(
    page,
    screens,
    `${tmpPath}/hostile.ipynb`,
    `# Hostile\n\n${HTML}\n\n![x](https://evil.example/md.png)\n\n[out](/logout?evil)`,
    [
      { data: { 'text/html': HTML } },
      { data: { 'text/markdown': HTML } },
      {
        data: {
          'application/javascript': 'window.pwned = 1',
          'text/plain': 'no script'
        }
      },
      {
        data: {
          'image/svg+xml':
            "<svg xmlns='http://www.w3.org/2000/svg' onload='window.pwned = 1'/>",
          'text/plain': 'no svg'
        }
      },
      { data: { 'text/html': HTML }, metadata: { isolated: true } },
      { data: { 'text/plain': HTML } },
      { data: { 'text/plain': `javascript://x%0awindow.pwned=1` } },
      { data: { 'text/plain': `${origin}/logout?evil=printed` } }
    ]
  );
  const expectInert = async () => {
    for (const text of ['no script', 'no svg']) {
      await expect(
        outputs(screens).getByText(text, { exact: true })
      ).toBeAttached();
    }
    const acting =
      '#linker, label[for], [accesskey], [contenteditable], [usemap], [ping], [draggable], [slot], [autoplay]';
    await expect(
      screens.record.locator(
        `.jp-RenderedHTMLCommon :is(${acting}), .jp-RenderedHTMLCommon area[href]`
      )
    ).toHaveCount(0);
    const links = screens.record.locator(
      '.jp-RenderedHTMLCommon a[href]:not(.jp-InternalAnchorLink)'
    );
    for (const link of await links.all()) {
      await expect(link).toHaveAttribute('target', '_blank');
      await expect(link).toHaveAttribute('rel', 'noopener');
      await expect(link).not.toHaveAttribute('href', /^\/|logout\?/);
    }
  };
  await expectInert();

  // Check again with the notebook read from the record, as another page reads it.
  await screens.reload();
  await waitUntilShown(screens);
  await expectInert();
  const place = page.url();
  const opened = page.waitForEvent('popup');
  await page.context().route('https://evil.example/**', route => route.abort());
  expect(foreign).toEqual([]);
  // Lab makes links of printed text. Those to its own server must not work.
  for (const printed of ['javascript://x', 'evil=printed']) {
    const link = outputs(screens).locator('pre a', { hasText: printed });
    await link.click();
    await link.click({ button: 'middle' });
  }
  await outputs(screens).locator('a:text("lead away")').first().click();
  await (await opened).close();
  expect(counts.popups).toBe(1);
  expect(page.url()).toBe(place);

  await openReport(screens, 'Hostile');
  expect(await page.evaluate(() => 'pwned' in window)).toBe(false);
  expect(counts.dialogs).toBe(0);
  expect(foreign).toEqual([]);
});

test('diagrams and formulas load nothing, link to nothing and are remembered nowhere', async ({
  page,
  screens,
  tmpPath
}) => {
  const foreign = foreignRequests(page);
  const everything = `${DIAGRAMS}\n\n${MATH}\n\n${FORMULA}`;
  await createRecord(
    page,
    screens,
    `${tmpPath}/drawn.ipynb`,
    `# Drawn\n\n${everything}`,
    [
      { data: { 'text/markdown': everything } },
      { data: { 'text/latex': MATH } },
      { data: { 'text/html': `<p>${MATH}</p>` } },
      { data: { 'text/latex': FORMULA } },
      { data: { 'text/markdown': '$\\omega$' } }
    ]
  );
  await screens.reload();
  await waitUntilShown(screens);
  // Formulas are still typeset, and diagrams are shown as their source text.
  await expect(
    screens.record.locator('.jp-MarkdownCell mjx-mfrac')
  ).toHaveCount(1);
  await expect(outputs(screens).locator('mjx-mfrac')).toHaveCount(2);
  await expect(
    outputs(screens).locator('code', { hasText: 'mermaid.png' })
  ).toHaveCount(3);
  await expect(
    screens.record.locator(
      '.jp-RenderedMermaid, mjx-container a, mjx-mglyph img'
    )
  ).toHaveCount(0);

  await openReport(screens, 'Drawn');
  expect(await page.evaluate(() => 'pwned' in window)).toBe(false);
  expect(foreign).toEqual([]);

  // A formula of the reader's own notebook keeps its meaning.
  const own = notebook({ markdown: 'Mine: $\\omega$' });
  await page.contents.uploadContent(own, 'text', `${tmpPath}/own.ipynb`);
  await page.notebook.openByPath(`${tmpPath}/own.ipynb`);
  await expect(
    page.locator('.jp-NotebookPanel:visible mjx-mi').first()
  ).toBeVisible();
  expect(foreign).toEqual([]);
});

test('an output that is as high as what it is shown in does not grow', async ({
  page,
  screens,
  tmpPath
}) => {
  const high = '<div style="height: 0100vh; padding: 40px">high</div>';
  await createRecord(page, screens, `${tmpPath}/high.ipynb`, '# High', [
    { data: { 'text/html': high }, metadata: { isolated: true } }
  ]);
  const frame = outputs(screens).locator('iframe');
  await expect(frame.contentFrame().getByText('high')).toBeAttached();
  // Without a limit the frame would grow with every animation frame.
  const height = await frame.evaluate(async node => {
    for (let count = 0; count < 40; count++) {
      await new Promise(requestAnimationFrame);
    }
    return node.getBoundingClientRect().height;
  });
  expect(height).toBeLessThan(900);
});
