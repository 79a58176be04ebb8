import { TranslationBundle } from '@jupyterlab/translation';

import type { Resources } from '../api';

/** Format a duration as `0 s`, `4.2 s`, `1 min 05 s` or `2 h 03 min`: never more than two units. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, seconds);
  if (whole < 9.95) {
    return `${whole.toFixed(1).replace(/\.0$/, '')} s`;
  }
  const rounded = Math.round(whole);
  if (rounded < 60) {
    return `${rounded} s`;
  }
  if (rounded < 3600) {
    return `${Math.floor(rounded / 60)} min ${pad(rounded % 60)} s`;
  }
  const minutes = Math.floor(rounded / 60);
  return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
}

/** Format a duration that is only roughly known, in one unit: `0.4 s`, `40 s`, `2 min`, `3 h`. */
export function formatAbout(seconds: number): string {
  if (seconds < 90) {
    return formatDuration(seconds < 10 ? seconds : Math.round(seconds));
  }
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 365 * 86400],
  ['month', 30 * 86400],
  ['day', 86400],
  ['hour', 3600],
  ['minute', 60]
];

/** Format `instant` as people say it at `now` (milliseconds): "5 minutes ago", "yesterday". */
export function formatRelative(
  instant: string,
  now: number,
  trans: TranslationBundle,
  locale?: string
): string {
  const seconds = (Date.parse(instant) - now) / 1000;
  for (const [unit, size] of STEPS) {
    if (Math.abs(seconds) >= size) {
      return new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(
        Math.trunc(seconds / size),
        unit
      );
    }
  }
  return trans.__('just now');
}

/** Format an instant exactly, for the hover. */
export function formatExact(instant: string, locale?: string): string {
  return new Intl.DateTimeFormat(locale, {
    dateStyle: 'full',
    timeStyle: 'long'
  }).format(new Date(instant));
}

const SIZES = ['B', 'kB', 'MB', 'GB', 'TB'];

/** Format a size in decimal units with at most three significant digits: `0 B`, `12.3 kB`, `456 MB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < SIZES.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${Number(value.toFixed(digits))} ${SIZES[unit]}`;
}

/** Format resources as `2 CPUs, 4 GB`; empty when there is no limit. */
export function formatResources(
  resources: Resources,
  trans: TranslationBundle
): string {
  const { cpus, memory_bytes: memory, pids, gpus } = resources;
  return [
    cpus !== null && trans._n('%1 CPU', '%1 CPUs', cpus),
    memory !== null && formatBytes(memory),
    pids !== null && trans._n('%1 process', '%1 processes', pids),
    gpus !== null && trans._n('%1 GPU', '%1 GPUs', gpus)
  ]
    .filter(Boolean)
    .join(', ');
}

/** Return the first part of a digest, enough to tell two apart by eye, without the repository of an image. */
export function shortDigest(digest: string): string {
  return digest.replace(/^.*sha256:/, '').slice(0, 10);
}

/** Format a JSON value on one line for people; a text has no quotes. */
export function formatValue(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
