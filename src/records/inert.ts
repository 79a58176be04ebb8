import {
  errorRendererFactory,
  htmlRendererFactory,
  imageRendererFactory,
  IRenderMimeRegistry,
  latexRendererFactory,
  markdownRendererFactory,
  MimeModel,
  RenderMimeRegistry,
  textRendererFactory
} from '@jupyterlab/rendermime';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';

/**
 * Renders outputs that somebody else's notebook made, in our origin, without letting them act:
 * only the types named here, always as untrusted, and nothing that loads from anywhere.
 */
export function inertRendermime(
  base: IRenderMimeRegistry
): IRenderMimeRegistry {
  return new RenderMimeRegistry({
    initialFactories: [
      htmlRendererFactory,
      imageRendererFactory,
      latexRendererFactory,
      markdownRendererFactory,
      errorRendererFactory,
      textRendererFactory,
      jsonRendererFactory
    ].map(untrusting),
    sanitizer: new InertSanitizer(base.sanitizer),
    latexTypesetter: base.latexTypesetter ?? undefined,
    markdownParser: base.markdownParser ?? undefined
  });
}

/** Whatever a notebook says about being trusted, it is not. */
function untrusting(
  factory: IRenderMime.IRendererFactory
): IRenderMime.IRendererFactory {
  return {
    ...factory,
    createRenderer: options => {
      const renderer = factory.createRenderer(options);
      const render = renderer.renderModel.bind(renderer);
      renderer.renderModel = ({ data, metadata }) =>
        render(new MimeModel({ data, metadata, trusted: false }));
      return renderer;
    }
  };
}

/** JSON as indented text. */
const jsonRendererFactory: IRenderMime.IRendererFactory = {
  safe: true,
  mimeTypes: ['application/json'],
  defaultRank: 115,
  createRenderer: options => {
    const renderer = textRendererFactory.createRenderer({
      ...options,
      mimeType: 'text/plain'
    });
    const render = renderer.renderModel.bind(renderer);
    renderer.renderModel = model => {
      const text = JSON.stringify(model.data['application/json'], null, 2);
      return render(new MimeModel({ data: { 'text/plain': text } }));
    };
    return renderer;
  }
};

/** These are shown by pictures, sound and the like that are part of the output itself. */
const EMBEDDED = /^(data:(image|audio|video)\/|attachment:)/i;
const LINK = /^(https?:|mailto:|#)/i;
const LOADING = ['src', 'srcset', 'poster', 'background', 'data', 'action'];
const STYLES = [
  'background-color',
  'border',
  'border-collapse',
  'color',
  'font-family',
  'font-size',
  'font-style',
  'font-weight',
  'height',
  'margin',
  'max-height',
  'max-width',
  'padding',
  'text-align',
  'text-decoration',
  'vertical-align',
  'white-space',
  'width'
];

/**
 * JupyterLab's sanitizer lets remote pictures, forms, any style and its own command links pass.
 * In a record they would tell a stranger who reads it, or cover the page.
 */
export class InertSanitizer implements IRenderMime.ISanitizer {
  constructor(private readonly _base: IRenderMime.ISanitizer) {}

  readonly allowNamedProperties = false;
  readonly allowCommandLinker = false;

  getAutolink(): boolean {
    return this._base.getAutolink?.() ?? true;
  }

  sanitize(dirty: string, options?: IRenderMime.ISanitizerOptions): string {
    const template = document.createElement('template');
    template.innerHTML = this._base.sanitize(dirty, options);
    for (const element of template.content.querySelectorAll<HTMLElement>('*')) {
      this._disarm(element);
    }
    return template.innerHTML;
  }

  private _disarm(element: HTMLElement): void {
    if (
      ['FORM', 'INPUT', 'BUTTON', 'SELECT', 'TEXTAREA'].includes(
        element.tagName
      )
    ) {
      element.replaceWith(...element.childNodes);
      return;
    }
    for (const { name, value } of [...element.attributes]) {
      const dropped =
        name === 'id' ||
        name.startsWith('data-') ||
        (LOADING.includes(name) && !EMBEDDED.test(value.trim())) ||
        (name === 'href' && !LINK.test(value.trim()));
      if (dropped) {
        element.removeAttribute(name);
      } else if (name === 'class' && value !== 'dataframe') {
        // Lab's own classes would let an output dress up as a part of the page; colours of text stay.
        const kept = value.split(/\s+/).filter(it => it.startsWith('ansi-'));
        element.setAttribute('class', kept.join(' '));
      } else if (name === 'style') {
        element.setAttribute('style', inertStyle(element.style));
      }
    }
  }
}

function inertStyle(style: CSSStyleDeclaration): string {
  return STYLES.map(name => [name, style.getPropertyValue(name)])
    .filter(([, value]) => value && !/url|image|\\/i.test(value))
    .map(([name, value]) => `${name}: ${value}`)
    .join('; ');
}
