import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';

/** The part of MathJax's document that we use. JupyterLab gives it to us; no package of ours has its types. */
type MathDocument = {
  constructor: unknown;
  adaptor: unknown;
  inputJax: { constructor: unknown; options: { packages: unknown } }[];
  outputJax: object;
  options: { elements?: HTMLElement[] };
  safe?: object;
  clear(): MathDocument;
  render(): MathDocument;
};
type Constructor<T> = new (...args: unknown[]) => T;
type MathJax = IRenderMime.ILatexTypesetter & {
  mathDocument?: () => Promise<MathDocument>;
};

/** The delimiters of JupyterLab itself. */
const DELIMITERS = {
  inlineMath: [
    ['$', '$'],
    ['\\(', '\\)']
  ],
  displayMath: [
    ['$$', '$$'],
    ['\\[', '\\]']
  ],
  processEscapes: true,
  processEnvironments: true
};
const NOTHING = {
  URLs: 'none',
  classes: 'none',
  cssIDs: 'none',
  styles: 'none'
};

/**
 * A typesetter for formulas of other people. It uses JupyterLab's MathJax.
 *
 * Lab's own document lets formulas load pictures, link, and define macros for the whole page. It makes its
 * nodes in the page, so cleaning them afterwards would be too late. This is a second document of the same
 * MathJax. It keeps no address, class, id or style, and has its own macros. When the page has another
 * typesetter, formulas stay as they were written.
 */
export class InertTypesetter implements IRenderMime.ILatexTypesetter {
  constructor(private readonly _base: MathJax | null) {}

  async typeset(element: HTMLElement): Promise<void> {
    this._document ??= this._make();
    const ownDocument = await this._document;
    if (ownDocument) {
      ownDocument.options.elements = [element];
      ownDocument.clear().render();
      delete ownDocument.options.elements;
    }
  }

  private async _make(): Promise<MathDocument | null> {
    const sharedDocument = await this._base?.mathDocument?.();
    if (!sharedDocument?.safe) {
      return null;
    }
    const [tex] = sharedDocument.inputJax;
    const Input = tex.constructor as Constructor<object>;
    const Document = sharedDocument.constructor as Constructor<MathDocument>;
    return new Document(document, sharedDocument.adaptor, {
      InputJax: new Input({ ...DELIMITERS, packages: tex.options.packages }),
      OutputJax: sharedDocument.outputJax,
      safeOptions: { allow: NOTHING }
    });
  }

  private _document: Promise<MathDocument | null> | null = null;
}
