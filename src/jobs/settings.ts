import { TranslationBundle } from '@jupyterlab/translation';

import type { GivenSettings } from '../api';

/** The texts in the fields of the settings; empty for a setting that nobody chose. */
export type SettingsDraft = { [name in keyof GivenSettings]: string };

export type SettingName = keyof GivenSettings;

/** The units and bounds on the screen: times are in minutes. */
const NUMBERS: {
  [name in Exclude<SettingName, 'retry_on_timeout'>]: {
    scale: number;
    minimum: number;
    maximum: number;
    whole: boolean;
  };
} = {
  priority: { scale: 1, minimum: -100, maximum: 100, whole: true },
  max_retries: { scale: 1, minimum: 0, maximum: 10, whole: true },
  timeout_s: minuteBounds(),
  queue_timeout_s: minuteBounds(),
  start_timeout_s: minuteBounds(),
  total_timeout_s: minuteBounds()
};

function minuteBounds() {
  return { scale: 60, minimum: 0, maximum: 30 * 24 * 60, whole: false };
}

export const NO_SETTINGS: SettingsDraft = {
  priority: '',
  max_retries: '',
  retry_on_timeout: '',
  queue_timeout_s: '',
  start_timeout_s: '',
  timeout_s: '',
  total_timeout_s: ''
};

export function boundsOf(name: keyof typeof NUMBERS) {
  return NUMBERS[name];
}

/** Return the texts of the fields that show `settings`. */
export function draftOfSettings(settings: GivenSettings): SettingsDraft {
  const draft = { ...NO_SETTINGS };
  for (const name of Object.keys(NUMBERS) as (keyof typeof NUMBERS)[]) {
    const value = settings[name];
    draft[name] = value === null ? '' : String(value / NUMBERS[name].scale);
  }
  const retry = settings.retry_on_timeout;
  draft.retry_on_timeout = retry === null ? '' : String(retry);
  return draft;
}

/** Read the chosen settings, null where nobody chose one, and the problems by field. */
export function readSettings(
  draft: SettingsDraft,
  trans: TranslationBundle
): {
  settings: GivenSettings;
  problems: { [name in SettingName]?: string };
} {
  const problems: { [name in SettingName]?: string } = {};
  const readNumber = (name: keyof typeof NUMBERS): number | null => {
    const text = draft[name].trim();
    if (!text) {
      return null;
    }
    const { scale, minimum, maximum, whole } = NUMBERS[name];
    const value = Number(text);
    const isValid =
      Number.isFinite(value) &&
      (!whole || Number.isInteger(value)) &&
      (scale === 1 ? value >= minimum : value > minimum) &&
      value <= maximum;
    if (!isValid) {
      problems[name] = whole
        ? trans.__('Needs a whole number from %1 to %2.', minimum, maximum)
        : trans.__(
            'Needs minutes, more than %1 and at most %2.',
            minimum,
            maximum
          );
      return null;
    }
    return value * scale;
  };
  const settings = {
    priority: readNumber('priority'),
    max_retries: readNumber('max_retries'),
    retry_on_timeout: draft.retry_on_timeout
      ? draft.retry_on_timeout === 'true'
      : null,
    queue_timeout_s: readNumber('queue_timeout_s'),
    start_timeout_s: readNumber('start_timeout_s'),
    timeout_s: readNumber('timeout_s'),
    total_timeout_s: readNumber('total_timeout_s')
  };
  return { settings, problems };
}
