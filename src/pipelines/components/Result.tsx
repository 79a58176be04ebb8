import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Run } from '../../api';
import { formatValue } from '../../shared/format';

const MOST_VALUES = 8;
const MOST_CHARACTERS = 80;

/** The first values that a run left, and how many files. Its record has all of them. */
export function Result(props: {
  run: Pick<Run, 'values' | 'artifacts'>;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { run, trans } = props;
  const values = Object.entries(run.values);
  const more = values.length - MOST_VALUES;
  const files = run.artifacts.length;
  if (!values.length && !files) {
    return null;
  }
  return (
    <dl className="dl-Result">
      {values.slice(0, MOST_VALUES).map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{shorten(formatValue(value))}</dd>
        </div>
      ))}
      {more > 0 && (
        <div>
          <dt>{trans.__('More values')}</dt>
          <dd>{more}</dd>
        </div>
      )}
      {files > 0 && (
        <div>
          <dt>{trans.__('Files')}</dt>
          <dd>{files}</dd>
        </div>
      )}
    </dl>
  );
}

function shorten(text: string): string {
  return text.length > MOST_CHARACTERS
    ? `${text.slice(0, MOST_CHARACTERS - 1)}…`
    : text;
}
