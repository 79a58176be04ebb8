import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';

/** Attributes that stay. None of them acts, loads or leads anywhere. */
const PLAIN = new Set([
  'abbr',
  'align',
  'alt',
  'bgcolor',
  'border',
  'cellpadding',
  'cellspacing',
  'char',
  'charoff',
  'color',
  'colspan',
  'compact',
  'controls',
  'datetime',
  'dir',
  'face',
  'frame',
  'headers',
  'height',
  'high',
  'hspace',
  'lang',
  'loop',
  'low',
  'max',
  'min',
  'noshade',
  'nowrap',
  'open',
  'optimum',
  'reversed',
  'rowspan',
  'rules',
  'scope',
  'size',
  'span',
  'start',
  'summary',
  'title',
  'type',
  'valign',
  'value',
  'vspace',
  'width'
]);
/** Pictures, sound and the like that are part of the output itself. */
const EMBEDDED = /^(data:(image|audio|video)\/|attachment:)/i;
const CONTROLS = 'form, input, button, select, textarea, label, fieldset';
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

/** Words and numbers; of functions only colours, since others load, compute or refer. */
const PLAIN_STYLE = /^((rgb|hsl)a?\(|[^\\(])*$/i;

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
      if (element.matches('input[type=checkbox]')) {
        // A task keeps its tick.
        element.replaceWith(element.hasAttribute('checked') ? '☑ ' : '☐ ');
      } else if (element.matches(CONTROLS)) {
        element.replaceWith(...element.childNodes);
      } else {
        disarm(element);
      }
    }
    return template.innerHTML;
  }
}

function disarm(element: HTMLElement): void {
  for (const { name, value } of [...element.attributes]) {
    const kept = inert(element, name, value);
    if (kept === null) {
      element.removeAttribute(name);
    } else {
      element.setAttribute(name, kept);
    }
  }
  if (element.hasAttribute('href')) {
    element.setAttribute('target', '_blank');
    element.setAttribute('rel', 'noopener');
    // JupyterLab writes `rel` anew.
    element.setAttribute('referrerpolicy', 'no-referrer');
  }
}

/** The harmless part of an attribute; null where there is none. */
function inert(
  element: HTMLElement,
  name: string,
  value: string
): string | null {
  switch (name) {
    case 'src':
      return EMBEDDED.test(value.trim()) ? value : null;
    case 'href':
      return element.tagName === 'A' ? inertLink(value) : null;
    case 'style':
      return inertStyle(element.style);
    case 'class':
      // Lab's own classes would let an output dress up as a part of the page; colours of text stay.
      return value === 'dataframe'
        ? value
        : value
            .split(/\s+/)
            .filter(it => it.startsWith('ansi-'))
            .join(' ');
    default:
      return PLAIN.has(name) ? value : null;
  }
}

/** The address of another server, written out: what is relative means one of ours. */
export function inertLink(value: string): string | null {
  let url: URL;
  try {
    url = new URL(value);
  } catch {
    return null;
  }
  const isElsewhere =
    url.protocol === 'mailto:' ||
    (['http:', 'https:'].includes(url.protocol) && url.host !== location.host);
  return isElsewhere ? url.href : null;
}

function inertStyle(style: CSSStyleDeclaration): string {
  return STYLES.map(name => [name, style.getPropertyValue(name)])
    .filter(([, value]) => value && PLAIN_STYLE.test(value))
    .map(([name, value]) => `${name}: ${value}`)
    .join('; ');
}
