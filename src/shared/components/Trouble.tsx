import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { MISSING, Problem, UNREACHABLE } from '../../api';
import { Message } from './Message';

const COMMANDS =
  'pip install --upgrade dataops-lab\njupyter server extension enable dataops_lab';

/** The reason why a whole view cannot show anything, and a button to try again. */
export function Trouble(props: {
  problem: Problem;
  onRetry: () => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { problem, trans } = props;
  const [title, advice] = explainProblem(problem, trans);
  return (
    <Message kind="error" title={title}>
      {advice}
      <button type="button" className="dl-Button" onClick={props.onRetry}>
        {trans.__('Try again')}
      </button>
    </Message>
  );
}

function explainProblem(
  problem: Problem,
  trans: TranslationBundle
): [string, React.ReactNode] {
  if (problem.code === MISSING) {
    return [
      trans.__('The server half of DataOps is missing or too old.'),
      <>
        <p>
          {trans.__(
            'Install the package in the environment that Jupyter Server runs in, enable it, and restart the server:'
          )}
        </p>
        <pre>{COMMANDS}</pre>
      </>
    ];
  }
  if (problem.code === UNREACHABLE) {
    return [
      trans.__('The Jupyter server cannot be reached.'),
      <p>
        {trans.__(
          'Runs go on without it. Check your connection, or that the server is still running.'
        )}
      </p>
    ];
  }
  return [problem.message, null];
}
