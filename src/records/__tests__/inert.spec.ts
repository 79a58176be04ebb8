import { Sanitizer } from '@jupyterlab/apputils';
import { MimeModel, RenderMimeRegistry } from '@jupyterlab/rendermime';

import { inertRendermime, InertSanitizer } from '../inert';

const PIXEL = 'data:image/png;base64,iVBORw0KGgo=';

describe('InertSanitizer', () => {
  const sanitizer = new InertSanitizer(new Sanitizer());
  const clean = (html: string) => sanitizer.sanitize(html);

  it.each([
    ['a remote picture', '<img src="https://evil.example/x.png">'],
    ['a picture of our own server', '<img src="/api/contents/x">'],
    ['a source set', `<img src="${PIXEL}" srcset="https://evil.example/x 2x">`],
    ['a poster', '<video poster="https://evil.example/x"></video>'],
    ['a background', '<table background="https://evil.example/x"></table>'],
    [
      'a style that loads',
      '<p style="background: url(https://evil.example/x)">x</p>'
    ],
    [
      'an escaped style',
      '<p style="color: \\75rl(https://evil.example/x)">x</p>'
    ],
    ['a form', '<form action="https://evil.example/x"><input name="a"></form>'],
    ['a script', '<script src="https://evil.example/x"></script>'],
    ['a frame', '<iframe src="https://evil.example/x"></iframe>'],
    [
      'a picture within a picture',
      '<svg><image href="https://evil.example/x"/></svg>'
    ],
    ['a style sheet', '<style>@import url(https://evil.example/x)</style>']
  ])('lets %s load nothing', (_, html) => {
    expect(clean(html)).not.toMatch(/evil\.example|api\/contents/);
  });

  it.each([
    ['a command link', '<button data-commandlinker-command="x">x</button>'],
    ['a handler', '<img src="x" onerror="alert(1)">'],
    ['a script link', '<a href="javascript:alert(1)">x</a>'],
    [
      'a nested handler',
      '<div><button><img src=x onerror=alert(1)></button></div>'
    ]
  ])('lets %s do nothing', (_, html) => {
    expect(clean(html)).not.toMatch(/commandlinker|onerror|javascript:/);
  });

  it('lets nothing cover the page or look like a part of it', () => {
    const html = clean(
      '<div id="main" class="jp-Dialog" style="position: fixed; top: 0; color: red">x</div>'
    );
    expect(html).toContain('color: red');
    expect(html).not.toMatch(/fixed|jp-Dialog|main/);
  });

  it('keeps tables, embedded pictures and links', () => {
    const html = clean(
      `<table class="dataframe"><td style="text-align: right">1</td></table><img src="${PIXEL}"><a href="https://jupyter.org">x</a>`
    );
    expect(html).toContain('class="dataframe"');
    expect(html).toContain('text-align: right');
    expect(html).toContain(PIXEL);
    expect(html).toContain('href="https://jupyter.org"');
  });
});

describe('inertRendermime', () => {
  const rendermime = inertRendermime(new RenderMimeRegistry());

  it.each([
    'application/javascript',
    'text/javascript',
    'image/svg+xml',
    'application/vnd.jupyter.widget-view+json',
    'application/vnd.vegalite.v5+json'
  ])('has no renderer for %s', mimeType => {
    expect(rendermime.mimeTypes).not.toContain(mimeType);
  });

  it('prefers the text of what it cannot show', () => {
    const bundle = { 'image/svg+xml': '<svg/>', 'text/plain': 'a figure' };
    expect(rendermime.preferredMimeType(bundle, 'any')).toBe('text/plain');
  });

  it('sanitises also what says that it is trusted', async () => {
    const data = { 'text/html': '<b>x</b><img src="https://evil.example/x">' };
    const renderer = rendermime.createRenderer('text/html');
    await renderer.renderModel(new MimeModel({ data, trusted: true }));
    expect(renderer.node.innerHTML).toContain('<b>x</b>');
    expect(renderer.node.innerHTML).not.toContain('evil.example');
  });

  it('shows JSON as text', async () => {
    const renderer = rendermime.createRenderer('application/json');
    const data = { 'application/json': { a: '<img src=x>' } };
    await renderer.renderModel(new MimeModel({ data }));
    expect(renderer.node.textContent).toContain('"a": "<img src=x>"');
    expect(renderer.node.querySelector('img')).toBeNull();
  });
});
