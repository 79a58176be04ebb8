import { TranslationBundle } from '@jupyterlab/translation';
import React, { useLayoutEffect, useRef } from 'react';

import type { Log } from '../log';

const NEAR_END_PX = 40;

/** The log. While its end is in view, it scrolls along as the log grows. */
export function LogView(props: {
  log: Log;
  live: boolean;
  trans: TranslationBundle;
}): JSX.Element {
  const { log, live, trans } = props;
  const node = useRef<HTMLPreElement>(null);
  const atEnd = useRef(true);
  useLayoutEffect(() => {
    if (atEnd.current && node.current) {
      node.current.scrollTop = node.current.scrollHeight;
    }
  }, [log.text]);
  if (!log.text) {
    return (
      <p className="dl-Empty">
        {log.trouble?.message ??
          (live
            ? trans.__('Nothing has been written yet.')
            : trans.__('Nothing was written.'))}
      </p>
    );
  }
  return (
    <>
      {log.truncated && (
        <p className="dl-mod-quiet">
          {trans.__(
            'The beginning is left out; the whole log is in the record.'
          )}
        </p>
      )}
      <pre
        ref={node}
        className="dl-Log"
        tabIndex={0}
        aria-label={trans.__('Log')}
        onScroll={({ currentTarget: pre }) => {
          atEnd.current =
            pre.scrollHeight - pre.scrollTop - pre.clientHeight < NEAR_END_PX;
        }}
      >
        {log.text}
      </pre>
    </>
  );
}
