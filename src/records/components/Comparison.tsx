import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Comparison as Compared, Difference } from '../../api';
import { formatExact } from '../../shared/format';

/** The number of differences in the line; the others unfold. */
const IN_LINE = 2;

/** The likeliest differences from the last success in one line; the others unfold. */
export function Comparison(props: {
  comparison: Compared;
  onOpen: (run: string) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { comparison, trans } = props;
  const { good, differences } = comparison;
  if (!good) {
    return <p className="dl-Comparison dl-mod-quiet">{comparison.line}</p>;
  }
  const open = (
    <button
      className="dl-Button dl-mod-link"
      title={trans.__(
        'Open the run that succeeded: %1',
        formatExact(good.finished_at ?? good.created_at)
      )}
      onClick={() => props.onOpen(good.id)}
    >
      {trans.__('the last success')}
    </button>
  );
  if (!differences.length) {
    return (
      <p className="dl-Comparison">
        {trans.__('Nothing that is recorded differs from')} {open}.
      </p>
    );
  }
  const others = differences.slice(IN_LINE);
  return (
    <div className="dl-Comparison">
      <p>
        {trans.__('Since')} {open}:{' '}
        {differences.slice(0, IN_LINE).map((each, at) => (
          <React.Fragment key={at}>
            {at > 0 && '; '}
            <One difference={each} trans={trans} />
          </React.Fragment>
        ))}
      </p>
      {others.length > 0 && (
        <details>
          <summary>
            {trans._n(
              '%1 more difference',
              '%1 more differences',
              others.length
            )}
          </summary>
          <ul>
            {others.map((each, at) => (
              <li key={at}>
                <One difference={each} trans={trans} />
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

function One(props: {
  difference: Difference;
  trans: TranslationBundle;
}): JSX.Element {
  const { difference, trans } = props;
  const { text, by, at } = difference;
  return (
    <span data-kind={difference.kind}>
      {text}
      {by && (
        <span
          className="dl-mod-quiet"
          title={at === null ? undefined : formatExact(at)}
        >
          {' '}
          {trans.__('(%1)', by.name)}
        </span>
      )}
    </span>
  );
}
