import { MimeModel, RenderMimeRegistry } from '@jupyterlab/rendermime';

import { inertRendermime } from '../inert';
import { InertTypesetter } from '../math';

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

  it.each([
    '```mermaid\nflowchart\n```',
    '~~~~ \t mermaid\nflowchart\n~~~~',
    '- [ ] > ```mermaid\n  > flowchart\n  > ```'
  ])('names no language to the parser of markdown: %j', async source => {
    let asked = '';
    const markdownParser = {
      render: async (text: string) => (asked = text)
    };
    const other = inertRendermime(new RenderMimeRegistry({ markdownParser }));
    const html = await other.markdownParser!.render(source);
    expect(asked).not.toMatch(/[`~]\s*mermaid/);
    expect(html).toBe(source);
  });
});

describe('InertTypesetter', () => {
  it('leaves formulas as they are where there is no MathJax to set them', async () => {
    const typeset = jest.fn();
    const node = document.createElement('p');
    node.append('$x$');
    await new InertTypesetter({ typeset }).typeset(node);
    await new InertTypesetter(null).typeset(node);
    expect(typeset).not.toHaveBeenCalled();
    expect(node.textContent).toBe('$x$');
  });
});
