import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Run } from '../../api';
import { Table } from '../../shared/components/Table';
import { RelativeTime } from '../../shared/components/Times';
import { formatBytes, formatDuration } from '../../shared/format';
import { labelOfAttempt } from '../../shared/phases';

/** Each attempt of a run, and how it ended. */
export function Attempts(props: {
  run: Run;
  trans: TranslationBundle;
}): JSX.Element {
  const { run, trans } = props;
  return (
    <Table
      columns={[
        trans.__('Attempt'),
        trans.__('State'),
        trans.__('Started'),
        trans.__('Duration'),
        trans.__('Memory at most'),
        trans.__('Processor time'),
        trans.__('Reason')
      ]}
    >
      {run.attempts.map(attempt => (
        <tr key={attempt.number}>
          <th scope="row">{attempt.number}</th>
          <td>{labelOfAttempt(attempt.state, trans)}</td>
          <td>
            {attempt.started_at && (
              <RelativeTime instant={attempt.started_at} trans={trans} />
            )}
          </td>
          <td className="dl-mod-number">
            {attempt.started_at &&
              attempt.finished_at &&
              formatDuration(
                (Date.parse(attempt.finished_at) -
                  Date.parse(attempt.started_at)) /
                  1000
              )}
          </td>
          <td className="dl-mod-number">
            {attempt.peak_memory_bytes !== null &&
              formatBytes(attempt.peak_memory_bytes)}
          </td>
          <td className="dl-mod-number">
            {attempt.cpu_seconds !== null &&
              formatDuration(attempt.cpu_seconds)}
          </td>
          <td>{attempt.reason?.message}</td>
        </tr>
      ))}
    </Table>
  );
}
