import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Artifact, Run } from '../../api';
import { formatBytes } from '../../shared/format';
import { isTerminal } from '../../shared/runs';

/** The files that the run made or changed. */
export function Artifacts(props: {
  run: Run;
  onDownload: (artifact: Artifact) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { run, trans } = props;
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
      <table>
        <thead>
          <tr>
            <th scope="col">{trans.__('File')}</th>
            <th scope="col">{trans.__('Size')}</th>
          </tr>
        </thead>
        <tbody>
          {run.artifacts.map(artifact => (
            <tr key={artifact.path}>
              <td>
                <button
                  className="dl-Button dl-mod-link"
                  title={trans.__('Download')}
                  onClick={() => props.onDownload(artifact)}
                >
                  {artifact.path}
                </button>
              </td>
              <td className="dl-mod-number">{formatBytes(artifact.size)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
