import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { RunSummary } from '../../api';
import { useNow } from '../clock';
import { formatDuration, formatExact, formatRelative } from '../format';
import { isTerminal, secondsOf } from '../runs';

const REFRESH_MS = 60_000;

/** A time relative to now, with the exact time on hover. */
export function RelativeTime(props: {
  instant: string;
  trans: TranslationBundle;
}): JSX.Element {
  const { instant, trans } = props;
  const now = useNow(Date.now() - Date.parse(instant) < 60 * REFRESH_MS);
  return (
    <time dateTime={instant} title={formatExact(instant)}>
      {formatRelative(instant, now, trans)}
    </time>
  );
}

/** The time that a run has worked; it counts while the run works. */
export function RunDuration(props: { run: RunSummary }): JSX.Element | null {
  const live = !isTerminal(props.run) && props.run.started_at !== null;
  const now = useNow(live);
  const seconds = secondsOf(props.run, now);
  if (seconds === null) {
    return null;
  }
  // Tenths of a second are useless in a number that changes every second.
  return (
    <span className="dl-Duration">
      {formatDuration(live ? Math.floor(seconds) : seconds)}
    </span>
  );
}
