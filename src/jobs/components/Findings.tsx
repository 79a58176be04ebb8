import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Finding } from '../../api';
import { Message } from '../../shared/components/Message';

/** The things that will be missing or are worth knowing, each with its fix. */
export function Findings(props: {
  findings: Finding[];
  busy: boolean;
  onTakeAlong: (file: string) => void;
  onSameJob: (job: string) => void;
  onNewJob: () => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { findings, busy, trans } = props;
  return (
    <>
      {findings.map((finding, index) => (
        <Message
          key={`${finding.code}-${index}`}
          kind={finding.severity}
          title={
            finding.cell === null
              ? finding.message
              : trans.__('Cell %1: %2', finding.cell + 1, finding.message)
          }
        >
          {finding.hint && <p>{finding.hint}</p>}
          {finding.file && (
            <p>
              <button
                type="button"
                className="dl-Button"
                disabled={busy}
                onClick={() => props.onTakeAlong(finding.file!)}
              >
                {trans.__('Take it along')}
              </button>
            </p>
          )}
          {finding.job && (
            <p className="dl-Buttons">
              <button
                type="button"
                className="dl-Button"
                disabled={busy}
                onClick={() => props.onSameJob(finding.job!)}
              >
                {trans.__('It is the same job')}
              </button>
              <button
                type="button"
                className="dl-Button"
                disabled={busy}
                onClick={props.onNewJob}
              >
                {trans.__('It is a new job')}
              </button>
            </p>
          )}
        </Message>
      ))}
    </>
  );
}
