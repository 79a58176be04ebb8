import { Sanitizer } from '@jupyterlab/apputils';

import { InertSanitizer } from '../sanitizer';

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

  it('leaves a task its tick', () => {
    const task = (attributes: string) =>
      clean(`<input type="checkbox" disabled ${attributes}>task`);
    expect(task('')).toBe('☐ task');
    expect(task('checked')).toBe('☑ task');
  });

  it.each([
    ['a command link', '<button data-commandlinker-command="x">x</button>'],
    ['a handler', '<img src="x" onerror="alert(1)">'],
    ['a script link', '<a href="javascript:alert(1)">x</a>'],
    ['a label', '<label for="commandlinker">x</label>'],
    ['a list of forms', '<p itemid="javascript:" form="commandlinker">x</p>'],
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

  it.each([
    'accesskey="a"',
    'tabindex="1"',
    'contenteditable="true"',
    'draggable="true"',
    'autofocus',
    'autoplay',
    'slot="x"',
    'part="x"',
    'usemap="#x"',
    'popovertarget="x"',
    'ping="/x"',
    'download="x"',
    'role="alert"',
    'aria-label="x"'
  ])('keeps no %s', attribute => {
    // This sanitizer stands for one of JupyterLab that lets everything pass.
    const lenient = new InertSanitizer({ sanitize: dirty => dirty });
    for (const tag of ['p', 'a', 'img', 'audio', 'area']) {
      const html = lenient.sanitize(`<${tag} ${attribute} title="kept">`);
      expect(html).toContain('title="kept"');
      expect(html).not.toContain(` ${attribute.split('=')[0]}`);
    }
  });

  it.each([
    '/logout',
    'http:/logout',
    'http:logout',
    '//localhost/logout',
    'http://localhost/logout',
    'logout',
    '?x',
    '#x',
    'ftp://evil.example/x',
    'data:text/html,x',
    'blob:http://localhost/x',
    'javascript:alert(1)'
  ])('links not to %s of this server, nor to what is not a page', href => {
    const html = clean(`<a href="${href}">x</a>`);
    const link = /href="([^"]*)"/.exec(html)?.[1] ?? 'http://elsewhere';
    expect(new URL(link, location.href).host).not.toBe(location.host);
    expect(html).not.toMatch(/localhost|ftp:|data:|blob:|javascript:/);
  });

  it.each(['_top', '_self', '_parent', 'x', ''])(
    'opens what is linked beside the page, also with the target "%s"',
    target => {
      const html = clean(
        `<a href="https://jupyter.org" target="${target}" rel="opener">x</a>`
      );
      expect(html).toContain('target="_blank"');
      expect(html).toContain('rel="noopener"');
      expect(html).toContain('referrerpolicy="no-referrer"');
    }
  );

  it.each([
    'calc(1px + 2%)',
    'var(--jp-x)',
    'image-set("x")',
    'expression(x)',
    '\\75rl(x)'
  ])('keeps no style that is made of %s', value => {
    const lenient = new InertSanitizer({ sanitize: dirty => dirty });
    const html = lenient.sanitize(`<p style='width: ${value}'>x</p>`);
    expect(html).not.toContain('width');
  });

  it.each(['rgb(1, 2, 3)', 'rgba(1, 2, 3, 0.5)'])(
    'keeps the colour %s',
    color => {
      const html = clean(`<p style="background-color: ${color}">x</p>`);
      expect(html).toContain(color);
    }
  );

  it('keeps tables, embedded pictures and links', () => {
    const html = clean(
      `<table class="dataframe"><td style="text-align: right">1</td></table><img src="${PIXEL}"><a href="https://jupyter.org">x</a>`
    );
    expect(html).toContain('class="dataframe"');
    expect(html).toContain('text-align: right');
    expect(html).toContain(PIXEL);
    expect(html).toContain('href="https://jupyter.org/"');
  });
});
