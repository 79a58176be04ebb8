import { TranslationBundle } from '@jupyterlab/translation';
import { downloadIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { Artifact, Run } from '../../api';
import { Message } from '../../shared/components/Message';
import { Table } from '../../shared/components/Table';
import { formatBytes } from '../../shared/format';
import { isTerminal } from '../../shared/runs';
import { hasPreview, Preview } from '../preview';
import { ArtifactPreview } from './ArtifactPreview';

/** The most artifacts that a record holds, as in dataops_lab/rundir/protocol.py. */
const MOST_ARTIFACTS = 2000;

/** The files that the run made or changed, and a preview of one of them. */
export function Artifacts(props: {
  run: Run;
  preview: Preview | null;
  onPreview: (artifact: Artifact) => void;
  onClosePreview: () => void;
  onDownload: (artifact: Artifact) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { run, preview, trans } = props;
  if (!run.artifacts.length) {
    return (
      <p className="dl-Empty">
        {isTerminal(run)
          ? trans.__('The run left no files.')
          : trans.__('Files that the run makes are listed when it has ended.')}
      </p>
    );
  }
  return (
    <div className="dl-Facts">
      {run.has_outputs && <h2>{trans.__('All files')}</h2>}
      {run.artifacts.length >= MOST_ARTIFACTS && (
        <Message
          kind="warning"
          title={trans.__('A run may leave %1 files.', MOST_ARTIFACTS)}
        >
          <p>
            {trans.__(
              'The log says how many more were not kept, if there were any. An archive of many files counts as one.'
            )}
          </p>
        </Message>
      )}
      <Table
        columns={[trans.__('File'), trans.__('Size')]}
        actions={trans.__('Actions')}
      >
        {run.artifacts.map(artifact => (
          <tr key={artifact.path}>
            <td>
              {hasPreview(artifact) ? (
                <button
                  className="dl-Button dl-mod-link"
                  title={trans.__('Look at it here')}
                  aria-pressed={preview?.path === artifact.path}
                  onClick={() => props.onPreview(artifact)}
                >
                  {artifact.path}
                </button>
              ) : (
                artifact.path
              )}
            </td>
            <td className="dl-mod-number">{formatBytes(artifact.size)}</td>
            <td>
              <button
                className="dl-Button dl-mod-icon"
                title={trans.__('Download')}
                aria-label={trans.__('Download %1', artifact.path)}
                onClick={() => props.onDownload(artifact)}
              >
                <downloadIcon.react tag="span" />
              </button>
            </td>
          </tr>
        ))}
      </Table>
      {preview && (
        <ArtifactPreview
          preview={preview}
          onClose={props.onClosePreview}
          trans={trans}
        />
      )}
    </div>
  );
}
