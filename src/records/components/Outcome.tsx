import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Reason, Run } from '../../api';
import { Message, MessageKind } from '../../shared/components/Message';
import { formatExact, formatValue } from '../../shared/format';
import {
  failingCell,
  hasNotebook,
  hasParts,
  isTerminal,
  leftBehind,
  programError
} from '../../shared/runs';

/** The reason why a run waits or ended as it did, with a button for the next step. Nothing when all went well. */
export function Outcome(props: {
  run: Run;
  failingNumber: number | null;
  onShowCell: (cell: number) => void;
  onOpenNotebook: () => void;
  onShowLog: () => void;
  onTakeAlong: () => void;
  onReproduce: () => void;
  /** The comparison with the last success. */
  children?: React.ReactNode;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { run, trans } = props;
  if (run.next_attempt_at !== null) {
    return (
      <Message kind="info" title={trans.__('Another attempt is made.')}>
        <p>
          {trans.__('It is due at')}{' '}
          <time dateTime={run.next_attempt_at}>
            {formatExact(run.next_attempt_at)}
          </time>
          {run.reason && `. ${run.reason.message}`}
        </p>
      </Message>
    );
  }
  if (!run.reason) {
    return null;
  }
  const cell = failingCell(run);
  const isCellError = run.reason.code === 'cell_error' && cell !== null;
  const missingFile = leftBehind(run);
  const writtenError = programError(run);
  const isProgramError =
    !hasNotebook(run) && !hasParts(run) && run.state === 'failed';
  const isReproducible =
    !hasParts(run) && kindOf(run) === 'error' && isTerminal(run);
  const parameters = Object.entries(run.parameters);
  return (
    <Message
      kind={kindOf(run)}
      title={
        isCellError
          ? trans.__('Cell %1 of the notebook failed', props.failingNumber)
          : run.reason.message
      }
    >
      {isCellError && (
        <pre className="dl-Outcome-error">
          {missingFile === null ? run.reason.message : errorOf(run.reason)}
        </pre>
      )}
      {writtenError && <pre className="dl-Outcome-error">{writtenError}</pre>}
      {missingFile !== null && (
        <p>
          {hasNotebook(run)
            ? trans.__(
                '%1 lies beside the notebook, but did not travel with this run.',
                missingFile
              )
            : trans.__(
                '%1 lies beside the script, but did not travel with this run.',
                missingFile
              )}
        </p>
      )}
      {(cell !== null || isProgramError) && parameters.length > 0 && (
        <p className="dl-mod-quiet">
          {trans.__('With')}{' '}
          {parameters.map(([name, value]) => (
            <code key={name}>
              {name} = {formatValue(value)}
            </code>
          ))}
        </p>
      )}
      {props.children}
      {(cell !== null || isProgramError || isReproducible) && (
        <p className="dl-Outcome-actions">
          {missingFile !== null && (
            <button className="dl-Button" onClick={props.onTakeAlong}>
              {trans.__('Take %1 along and run again', missingFile)}
            </button>
          )}
          {isReproducible && (
            <button
              className="dl-Button"
              title={trans.__(
                'Open it in a folder with the files, parameters and variables of this run'
              )}
              onClick={props.onReproduce}
            >
              {trans.__('Reproduce…')}
            </button>
          )}
          {cell === null && isProgramError && (
            <button className="dl-Button" onClick={props.onShowLog}>
              {trans.__('Show the log')}
            </button>
          )}
          {cell !== null && (
            <>
              <button
                className="dl-Button"
                onClick={() => props.onShowCell(cell)}
              >
                {trans.__('Show the cell')}
              </button>
              <button className="dl-Button" onClick={props.onOpenNotebook}>
                {trans.__('Open the notebook there')}
              </button>
            </>
          )}
        </p>
      )}
    </Message>
  );
}

/** Return the error of the notebook itself, without our words about it. */
function errorOf({ detail }: Reason): string {
  return `${detail.ename}: ${detail.evalue}`;
}

function kindOf(run: Run): MessageKind {
  if (!isTerminal(run)) {
    return 'info';
  }
  if (['failed', 'timed_out', 'lost', 'rejected'].includes(run.state)) {
    return 'error';
  }
  return run.state === 'succeeded' ? 'info' : 'warning';
}
