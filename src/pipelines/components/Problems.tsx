import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { PipelineProblem } from '../../api';

/** The things that are wrong with a pipeline's file, each with its place. */
export function Problems(props: {
  problems: readonly PipelineProblem[];
  /** Called with the problem whose place a person wants to see. Without it the places are only named. */
  onShow?: (problem: PipelineProblem) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { problems, onShow, trans } = props;
  return (
    <ul className="dl-Problems">
      {problems.map((problem, at) => {
        const place = trans.__(
          'Line %1, column %2',
          problem.line,
          problem.column
        );
        return (
          <li key={at}>
            {onShow ? (
              <button
                type="button"
                className="dl-Button dl-mod-link"
                onClick={() => onShow(problem)}
              >
                {place}
              </button>
            ) : (
              <span className="dl-mod-quiet">{place}</span>
            )}
            {': '}
            {problem.message}
          </li>
        );
      })}
    </ul>
  );
}
