import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { Message } from '../../../shared/components/Message';
import type { EditorProblem } from '../document';

const LINES_AROUND = 8;

/** The lines around the mistake of a text that cannot be read. */
export function Unreadable(props: {
  source: string;
  problem: EditorProblem;
  /** Open the text in Lab's editor, at the mistake. */
  onEdit: () => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { source, problem, trans } = props;
  const lines = source.split(/\r?\n/);
  const first = Math.max(0, problem.line - 1 - LINES_AROUND);
  const shown = lines.slice(first, problem.line + LINES_AROUND);
  return (
    <div className="dl-Unreadable">
      <Message
        kind="error"
        title={trans.__(
          'Line %1, column %2: %3',
          problem.line,
          problem.column,
          problem.message
        )}
      >
        <p>
          {trans.__(
            'This is not YAML, so the steps cannot be shown. Correct the text first.'
          )}
        </p>
        <button type="button" className="dl-Button" onClick={props.onEdit}>
          {trans.__('Edit as Text')}
        </button>
      </Message>
      <pre aria-label={trans.__('Text of the pipeline')} tabIndex={0}>
        {shown.map((line, at) => {
          const number = first + at + 1;
          const isWrong = number === problem.line;
          return (
            <div
              key={number}
              className="dl-Unreadable-line"
              data-wrong={isWrong || undefined}
              aria-current={isWrong || undefined}
            >
              <span className="dl-Unreadable-number">{number}</span>
              {line || ' '}
            </div>
          );
        })}
      </pre>
    </div>
  );
}
