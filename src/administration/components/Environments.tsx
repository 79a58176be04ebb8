import { TranslationBundle } from '@jupyterlab/translation';
import { addIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { Environment } from '../../api';
import { NameCell, Table } from '../../shared/components/Table';
import { RelativeTime } from '../../shared/components/Times';
import { formatDuration, formatResources } from '../../shared/format';

/** The environments in promotion order. */
export function Environments(props: {
  environments: Environment[];
  onSelect: (name: string) => void;
  onAdd: () => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { environments, trans } = props;
  return (
    <>
      <div className="dl-Bar">
        <p className="dl-mod-quiet">
          {trans.__('In promotion order: what proved itself above moves down.')}
        </p>
        <button className="dl-Button" onClick={props.onAdd}>
          <addIcon.react tag="span" aria-hidden />
          {trans.__('Add environment')}
        </button>
      </div>
      <Table
        columns={[
          trans.__('Name'),
          trans.__('Executor'),
          trans.__('Images'),
          trans.__('Limits'),
          trans.__('Open to'),
          trans.__('Changed')
        ]}
      >
        {environments.map(environment => (
          <tr key={environment.name}>
            <NameCell
              name={environment.name}
              description={environment.description}
              onOpen={() => props.onSelect(environment.name)}
            />
            <td>{executorLabel(environment, trans)}</td>
            <td>{imagesLabel(environment, trans)}</td>
            <td>{limitsLabel(environment, trans)}</td>
            <td>
              {environment.guarded
                ? trans.__('what was promoted; administrators')
                : trans.__('everybody')}
            </td>
            <td>
              {environment.changed_at ? (
                <>
                  <RelativeTime
                    instant={environment.changed_at}
                    trans={trans}
                  />{' '}
                  {trans.__('by %1', environment.changed_by?.name ?? '')}
                </>
              ) : (
                trans.__('as it came')
              )}
            </td>
          </tr>
        ))}
      </Table>
    </>
  );
}

function executorLabel(
  environment: Environment,
  trans: TranslationBundle
): string {
  if (environment.executor === 'process') {
    return trans.__('process');
  }
  return environment.docker.host
    ? trans.__('docker on %1', environment.docker.host)
    : trans.__('docker');
}

function imagesLabel(
  environment: Environment,
  trans: TranslationBundle
): string {
  const images = environment.images ?? [];
  if (environment.executor === 'process') {
    return '—';
  }
  if (!images.length) {
    return trans.__('none yet');
  }
  return images
    .map(name =>
      name === environment.default_image ? trans.__('%1 (default)', name) : name
    )
    .join(', ');
}

function limitsLabel(
  environment: Environment,
  trans: TranslationBundle
): string {
  const { resources, timeout_s, concurrency } = environment.limits;
  const limits = [
    formatResources(resources, trans),
    timeout_s !== null && formatDuration(timeout_s),
    concurrency !== null && trans.__('%1 at a time', concurrency),
    !environment.network && trans.__('no network')
  ].filter(Boolean);
  return limits.length ? limits.join(', ') : trans.__('none');
}
