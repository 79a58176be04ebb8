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

import { InertTypesetter } from './math';
import { InertSanitizer } from './sanitizer';

/**
 * Make a renderer for the outputs of other people's notebooks. They are shown in our origin, so they must
 * not act: it renders only the types named here, always as untrusted, and nothing that loads from anywhere.
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
    ].map(asUntrusted),
    sanitizer: new InertSanitizer(base.sanitizer),
    latexTypesetter: new InertTypesetter(base.latexTypesetter),
    markdownParser: base.markdownParser
      ? new InertParser(base.markdownParser)
      : undefined
  });
}

/** Let a factory treat every output as untrusted, also when the notebook says that it is trusted. */
function asUntrusted(
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

/** A factory that shows JSON as indented text. */
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

/** A character that browsers do not show. */
const MARK = '\u2063';
const FENCE = /(`{3,}|~{3,})(?=[^\S\n]*[^\s`~])/g;

/**
 * A Markdown parser that leaves fenced code as code.
 *
 * JupyterLab's parser draws fenced code of some languages, like diagrams, in the page before anything is
 * sanitized. Here a hidden character changes the language of every fence, so that nothing draws it.
 */
class InertParser implements IRenderMime.IMarkdownParser {
  constructor(private readonly _base: IRenderMime.IMarkdownParser) {}

  async render(source: string): Promise<string> {
    const html = await this._base.render(
      source.replaceAll(MARK, '').replace(FENCE, `$1${MARK}`)
    );
    return html.replaceAll(MARK, '');
  }
}
