import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Inspection } from '../../api';
import { formatBytes } from '../../shared/format';

/** What goes along with the notebook. */
export function Travelling(props: {
  inspection: Inspection;
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
      </summary>
      <ul>
        {files.map(file => (
          <li key={file.path}>
            <span>{file.path}</span>
            <span className="dl-mod-quiet">{formatBytes(file.size)}</span>
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
