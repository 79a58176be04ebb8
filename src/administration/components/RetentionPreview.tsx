import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { RetentionPreview as Preview } from '../../api';
import { Message } from '../../shared/components/Message';
import { PhaseLabel } from '../../shared/components/StateLabel';
import { Table } from '../../shared/components/Table';
import { RelativeTime } from '../../shared/components/Times';
import { formatBytes } from '../../shared/format';

/** The runs that the rules would delete, the oldest of them by name. */
export function RetentionPreview(props: {
  preview: Preview;
  onOpenRun: (id: string) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { preview, trans } = props;
  const { count, oldest } = preview;
  if (!count) {
    return <Message kind="info" title={trans.__('Nothing would go.')} />;
  }
  return (
    <>
      <Message
        kind="warning"
        title={trans._n('%1 run would go.', '%1 runs would go.', count)}
      >
        <p>{trans.__('%1 would be freed.', formatBytes(preview.bytes))}</p>
      </Message>
      <Table
        columns={[
          trans.__('Job'),
          trans.__('State'),
          trans.__('Environment'),
          trans.__('Ended')
        ]}
      >
        {oldest.map(run => (
          <tr key={run.id}>
            <td>
              <button
                className="dl-Button dl-mod-link"
                onClick={() => props.onOpenRun(run.id)}
              >
                {run.job}
              </button>
            </td>
            <td>
              <PhaseLabel phase={run.state} trans={trans} />
            </td>
            <td>{run.environment}</td>
            <td>
              {run.finished_at && (
                <RelativeTime instant={run.finished_at} trans={trans} />
              )}
            </td>
          </tr>
        ))}
      </Table>
      {count > oldest.length && (
        <p className="dl-mod-quiet">
          {trans.__('and %1 more', count - oldest.length)}
        </p>
      )}
    </>
  );
}
