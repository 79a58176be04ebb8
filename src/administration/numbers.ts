import { TranslationBundle } from '@jupyterlab/translation';

type Bounds = { scale?: number; whole?: boolean; from?: number };

/**
 * Read the number in a field, times `scale`; null when the field is empty.
 *
 * The number must be greater than 0, or at least `from`. Errors go to `problems`.
 */
export function readNumber(
  text: string,
  name: string,
  bounds: Bounds,
  problems: { [name: string]: string },
  trans: TranslationBundle
): number | null {
  if (!text.trim()) {
    return null;
  }
  const { scale = 1, whole = false, from } = bounds;
  const value = Number(text);
  const inBounds = from === undefined ? value > 0 : value >= from;
  if (!Number.isFinite(value) || !inBounds) {
    problems[name] =
      from === undefined
        ? trans.__('Needs a number greater than 0.')
        : trans.__('Needs a number from %1 on.', from);
  } else if (whole && !Number.isInteger(value)) {
    problems[name] = trans.__('Needs a whole number.');
  } else {
    return scale === 1 ? value : Math.round(value * scale);
  }
  return null;
}

/** Return the text of a field for a number; null gives an empty text. */
export function numberText(value: number | null, scale = 1): string {
  return value === null ? '' : String(value / scale);
}
