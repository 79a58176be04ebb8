import { TranslationBundle } from '@jupyterlab/translation';

type Bounds = { scale?: number; whole?: boolean; from?: number };

/**
 * The number that a field means, times `scale`; null when it is empty.
 *
 * It is greater than 0, or at least `from`; what is wrong goes to `problems`.
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

/** The text of a field for a number that may be missing. */
export function numberText(value: number | null, scale = 1): string {
  return value === null ? '' : String(value / scale);
}
