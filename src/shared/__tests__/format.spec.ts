import { nullTranslator } from '@jupyterlab/translation';

import {
  formatBytes,
  formatDuration,
  formatRelative,
  shortDigest
} from '../format';

const trans = nullTranslator.load('dataops_lab');

describe('formatDuration', () => {
  it.each([
    [0, '0 s'],
    [-1, '0 s'],
    [0.04, '0 s'],
    [4.25, '4.3 s'],
    [5, '5 s'],
    [9.96, '10 s'],
    [59.4, '59 s'],
    [59.6, '1 min 00 s'],
    [65, '1 min 05 s'],
    [3599.6, '1 h 00 min'],
    [7380, '2 h 03 min'],
    [90000, '25 h 00 min']
  ])('says %p seconds as %p', (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });
});

describe('formatRelative', () => {
  const now = Date.parse('2026-11-20T12:00:00Z');
  it.each([
    ['2026-11-20T11:59:31Z', 'just now'],
    ['2026-11-20T12:00:05Z', 'just now'],
    ['2026-11-20T11:55:00Z', '5 minutes ago'],
    ['2026-11-20T09:59:00Z', '2 hours ago'],
    ['2026-11-19T11:00:00Z', 'yesterday'],
    ['2025-10-20T12:00:00Z', 'last year']
  ])('says %p as %p', (instant, text) => {
    expect(formatRelative(instant, now, trans, 'en')).toBe(text);
  });
});

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1 kB'],
    [12_345, '12.3 kB'],
    [999_500, '1 MB'],
    [1_234_567, '1.23 MB'],
    [5e15, '5000 TB']
  ])('says %p as %p', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});

describe('shortDigest', () => {
  it('leaves out what all digests begin with', () => {
    expect(shortDigest(`sha256:${'0123456789abcdef'.repeat(4)}`)).toBe(
      '0123456789'
    );
  });
});
