import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { ImageUsers } from '../../api';
import { PhaseLabel } from '../../shared/components/StateLabel';
import { Table } from '../../shared/components/Table';
import { RelativeTime } from '../../shared/components/Times';

/** The jobs that ran on an image lately. */
export function ImageUse(props: {
  users: ImageUsers | null;
  onOpenRun: (id: string) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { users, trans } = props;
  return (
    <section className="dl-Section" aria-labelledby="dl-image-use">
      <h2 id="dl-image-use">{trans.__('Users')}</h2>
      {users === null ? (
        <p className="dl-Empty">{trans.__('Loading…')}</p>
      ) : users.jobs.length === 0 ? (
        <p className="dl-Empty">
          {trans.__('No job ran on it in the last %1 days.', users.days)}
        </p>
      ) : (
        <Table
          columns={[
            trans.__('Job'),
            trans.__('Runs in %1 days', users.days),
            trans.__('Last run')
          ]}
        >
          {users.jobs.map(job => (
            <tr key={job.id}>
              <td title={job.source}>{job.name}</td>
              <td className="dl-mod-number">{job.runs}</td>
              <td>
                <button
                  className="dl-Button dl-mod-link"
                  onClick={() => props.onOpenRun(job.last_run)}
                >
                  <RelativeTime instant={job.last_at} trans={trans} />
                </button>{' '}
                <PhaseLabel phase={job.last_state} trans={trans} />
              </td>
            </tr>
          ))}
        </Table>
      )}
    </section>
  );
}
