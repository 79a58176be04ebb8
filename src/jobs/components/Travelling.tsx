import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Inspection, TravellingFile } from '../../api';
import { formatBytes } from '../../shared/format';

/** The files that travel with the notebook: those of the version, and those that each run reads again. */
export function Travelling(props: {
  inspection: Inspection;
  disabled: boolean;
  onPin: (file: TravellingFile, pinned: boolean) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { inspection, trans } = props;
  const { files, file_count: count } = inspection;
  if (!count) {
    return (
      <p className="dl-mod-quiet">{trans.__('No other file travels along.')}</p>
    );
  }
  return (
    <details className="dl-Travelling">
      <summary>
        {trans._n('%1 file travels along', '%1 files travel along', count)}
        {', '}
        {formatBytes(inspection.file_bytes)}
        {inspection.fresh_count > 0 && (
          <span className="dl-mod-quiet">
            {' · '}
            {trans._n(
              '%1 fresh in each run',
              '%1 fresh in each run',
              inspection.fresh_count
            )}
          </span>
        )}
      </summary>
      <p className="dl-mod-quiet">
        {trans.__(
          'Code and pinned files belong to the version. Each run takes the other files as they are when it is made; a rerun takes those of the run that it repeats.'
        )}
      </p>
      <ul>
        {files.map(file => (
          <li key={file.path} data-fresh={file.fresh}>
            <span className="dl-Travelling-path">{file.path}</span>
            <span className="dl-mod-quiet">{formatBytes(file.size)}</span>
            <Part {...props} file={file} />
          </li>
        ))}
        {count > files.length && (
          <li className="dl-mod-quiet">
            {trans.__('and %1 more', count - files.length)}
          </li>
        )}
      </ul>
    </details>
  );
}

function Part(
  props: Parameters<typeof Travelling>[0] & { file: TravellingFile }
): JSX.Element {
  const { file, trans } = props;
  if (file.role === 'code') {
    return (
      <span className="dl-Travelling-part dl-mod-quiet">
        {trans.__('code')}
      </span>
    );
  }
  return (
    <label className="dl-Travelling-part">
      <input
        type="checkbox"
        checked={!file.fresh}
        disabled={props.disabled}
        aria-label={trans.__('Pin %1 to the version', file.path)}
        onChange={event => props.onPin(file, event.target.checked)}
      />
      {trans.__('pinned')}
    </label>
  );
}
