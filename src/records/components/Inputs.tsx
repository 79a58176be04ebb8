import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Problem, RunInputs } from '../../api';
import { Digest } from '../../shared/components/Digest';
import { Table } from '../../shared/components/Table';
import { Trouble } from '../../shared/components/Trouble';
import { formatBytes } from '../../shared/format';

/** The files that a run found beside its notebook. The page reads them when a person opens this part. */
export function Inputs(props: {
  inputs: RunInputs | null;
  trouble: Problem | null;
  onOpen: () => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { inputs, trouble, trans } = props;
  return (
    <details
      onToggle={event => event.currentTarget.open && props.onOpen()}
      className="dl-Inputs"
    >
      <summary>{trans.__('Files that it found')}</summary>
      {trouble && (
        <Trouble problem={trouble} onRetry={props.onOpen} trans={trans} />
      )}
      {!inputs && !trouble && (
        <p className="dl-Empty">{trans.__('Loading…')}</p>
      )}
      {inputs && !inputs.files.length && (
        <p className="dl-Empty">
          {trans.__('No other files than the notebook.')}
        </p>
      )}
      {inputs && inputs.files.length > 0 && (
        <Table
          columns={[
            trans.__('File'),
            trans.__('Part of'),
            trans.__('Size'),
            trans.__('Digest')
          ]}
        >
          {inputs.files.map(file => (
            <tr key={file.path}>
              <td>{file.path}</td>
              <td>
                {file.fresh
                  ? trans.__('this run, fresh')
                  : trans.__('the version')}
              </td>
              <td className="dl-mod-number">{formatBytes(file.size)}</td>
              <td>
                <Digest digest={file.digest} trans={trans} />
              </td>
            </tr>
          ))}
        </Table>
      )}
    </details>
  );
}
