import { TranslationBundle } from '@jupyterlab/translation';
import { downloadIcon, LabIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { DeclaredOutput, Outputs, Problem } from '../../api';
import { Table } from '../../shared/components/Table';
import { Trouble } from '../../shared/components/Trouble';
import { formatBytes } from '../../shared/format';
import {
  failedIcon,
  queuedIcon,
  succeededIcon,
  unknownIcon
} from '../../shared/icons';

/** The declared outputs of a run: where each is published, or why it is not. */
export function DeclaredOutputs(props: {
  outputs: Outputs | null;
  trouble: Problem | null;
  mayPublish: boolean;
  onRetry: () => void;
  onOpen: (output: DeclaredOutput) => void;
  onDownload: (output: DeclaredOutput) => void;
  onPublish: (overwrite: boolean) => void;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { outputs, trouble, trans } = props;
  if (!outputs?.items.length && !trouble) {
    return null;
  }
  const items = outputs?.items ?? [];
  const isRefused = items.some(({ state }) => state === 'refused');
  return (
    <section className="dl-Facts dl-Outputs" aria-label={trans.__('Outputs')}>
      <h2>{trans.__('Outputs')}</h2>
      {trouble && (
        <Trouble problem={trouble} onRetry={props.onRetry} trans={trans} />
      )}
      {items.length > 0 && (
        <Table
          columns={[trans.__('Output'), trans.__('State'), trans.__('Size')]}
          actions={trans.__('Actions')}
        >
          {items.map(output => (
            <tr key={output.path} data-state={output.state ?? 'declared'}>
              <td>
                {output.contents_path ? (
                  <button
                    className="dl-Button dl-mod-link"
                    title={trans.__('Open %1', output.contents_path)}
                    onClick={() => props.onOpen(output)}
                  >
                    {output.path}
                  </button>
                ) : (
                  output.path
                )}
                {output.folder && (
                  <div className="dl-mod-quiet">{output.folder}</div>
                )}
              </td>
              <td>
                <State output={output} trans={trans} />
              </td>
              <td className="dl-mod-number">
                {output.size !== null && output.size !== undefined
                  ? formatBytes(output.size)
                  : ''}
              </td>
              <td>
                {output.can_download && (
                  <button
                    className="dl-Button dl-mod-icon"
                    title={trans.__('Download')}
                    aria-label={trans.__('Download %1', output.path)}
                    onClick={() => props.onDownload(output)}
                  >
                    <downloadIcon.react tag="span" />
                  </button>
                )}
              </td>
            </tr>
          ))}
        </Table>
      )}
      {outputs?.may_publish && props.mayPublish && (
        <p className="dl-Buttons">
          <button className="dl-Button" onClick={() => props.onPublish(false)}>
            {trans.__('Publish')}
          </button>
          {isRefused && (
            <button className="dl-Button" onClick={() => props.onPublish(true)}>
              {trans.__('Publish and Overwrite')}
            </button>
          )}
        </p>
      )}
    </section>
  );
}

function State(props: {
  output: DeclaredOutput;
  trans: TranslationBundle;
}): JSX.Element {
  const { output, trans } = props;
  const { icon: Icon, label } = appearance(output, trans);
  return (
    <>
      <span className="dl-State" data-output-state={output.state}>
        <Icon.react tag="span" className="dl-State-icon" />
        {label}
      </span>
      {output.reason && (
        <div className="dl-mod-quiet">{output.reason.message}</div>
      )}
    </>
  );
}

function appearance(
  { state, can_download: isLeft }: DeclaredOutput,
  trans: TranslationBundle
): { icon: LabIcon; label: string } {
  switch (state) {
    case 'published':
      return { icon: succeededIcon, label: trans.__('published') };
    case 'pending':
      return { icon: queuedIcon, label: trans.__('pending') };
    case 'refused':
      return { icon: failedIcon, label: trans.__('not published') };
    case 'offered':
      return { icon: unknownIcon, label: trans.__('for download') };
    default:
      return isLeft
        ? { icon: unknownIcon, label: trans.__('not to be published') }
        : { icon: queuedIcon, label: trans.__('expected') };
  }
}
