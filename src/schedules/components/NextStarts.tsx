import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Problem, SchedulePreview } from '../../api';
import { Message } from '../../shared/components/Message';

/** The next starts of a schedule with their offsets, or the reason why there are none. */
export function NextStarts(props: {
  words: string;
  preview: SchedulePreview | null;
  problem: Problem | null;
  trans: TranslationBundle;
}): JSX.Element {
  const { words, preview, problem, trans } = props;
  return (
    <div className="dl-NextStarts" aria-live="polite">
      {words && <p className="dl-NextStarts-words">{words}</p>}
      {problem && <Message kind="error" title={problem.message} />}
      {preview?.never && <Message kind="warning" title={preview.never} />}
      {preview?.warnings.map(warning => (
        <Message key={warning} kind="warning" title={warning} />
      ))}
      {preview && preview.items.length > 0 && (
        <>
          <h3 id="dl-next-starts">{trans.__('Next starts')}</h3>
          <ol aria-labelledby="dl-next-starts">
            {preview.items.map(({ at, local, holiday, skipped }) => (
              <li key={at}>
                <time dateTime={at}>{formatLocal(local)}</time>
                {holiday !== null && (
                  <span className="dl-mod-quiet">
                    {skipped
                      ? trans.__('skipped: %1', holiday)
                      : trans.__('moved from %1', holiday)}
                  </span>
                )}
              </li>
            ))}
          </ol>
        </>
      )}
    </div>
  );
}

/** Format a time of the zone of a schedule, such as 2026-03-29T08:00:00+02:00, with its day and offset. */
export function formatLocal(local: string): string {
  const [, date, time, offset] =
    /^(\S+?)T(\d\d:\d\d)(?::\d\d)?(.*)$/.exec(local) ?? [];
  const day = new Intl.DateTimeFormat(undefined, {
    weekday: 'short',
    year: 'numeric',
    month: 'short',
    day: 'numeric',
    timeZone: 'UTC'
  }).format(new Date(`${date}T00:00:00Z`));
  return `${day}, ${time} ${offset === 'Z' ? '+00:00' : offset}`;
}
