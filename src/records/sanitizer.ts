import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';

/** The attributes that stay. None of them runs code, loads or links. */
const PLAIN_ATTRIBUTES = new Set([
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
/** The addresses of pictures, sound and videos that are part of the output itself. */
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

/** Words and numbers. Colours are the only functions, since others load, compute or refer. */
const PLAIN_STYLE = /^((rgb|hsl)a?\(|[^\\(])*$/i;

/**
 * A sanitizer for records, stricter than JupyterLab's. That one lets remote pictures, forms, any style and
 * its own command links pass. In a record they would tell a stranger who reads it, or cover the page.
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
        // A check box of a task list becomes a character that shows its tick.
        element.replaceWith(element.hasAttribute('checked') ? '☑ ' : '☐ ');
      } else if (element.matches(CONTROLS)) {
        element.replaceWith(...element.childNodes);
      } else {
        sanitizeAttributes(element);
      }
    }
    return template.innerHTML;
  }
}

function sanitizeAttributes(element: HTMLElement): void {
  for (const { name, value } of [...element.attributes]) {
    const kept = harmlessValue(element, name, value);
    if (kept === null) {
      element.removeAttribute(name);
    } else {
      element.setAttribute(name, kept);
    }
  }
  if (element.hasAttribute('href')) {
    element.setAttribute('target', '_blank');
    element.setAttribute('rel', 'noopener');
    // JupyterLab overwrites `rel`, so this attribute says it too.
    element.setAttribute('referrerpolicy', 'no-referrer');
  }
}

/** Return the harmless part of an attribute; null when it has none. */
function harmlessValue(
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
      // With JupyterLab's classes an output could look like a part of the page. Colours of text stay.
      return value === 'dataframe'
        ? value
        : value
            .split(/\s+/)
            .filter(className => className.startsWith('ansi-'))
            .join(' ');
    default:
      return PLAIN_ATTRIBUTES.has(name) ? value : null;
  }
}

/** Return the full address when it leads to another server; else null, also for a relative one, which is ours. */
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
