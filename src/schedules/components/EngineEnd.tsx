import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Status } from '../../api';
import { Message } from '../../shared/components/Message';

const COMMAND = 'jupyter dataops engine install-service';

/** Say whether schedules stop with this server, and what to do about it. */
export function EngineEnd(props: {
  status: Pick<Status, 'engine' | 'culled'>;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { status, trans } = props;
  const { leading, lifetime } = status.engine;
  if (leading && lifetime !== 'server') {
    return lifetime === 'service' ? (
      <p className="dl-mod-quiet">
        {trans.__('The engine is a service: it goes on without JupyterLab.')}
      </p>
    ) : (
      <p className="dl-mod-quiet">
        {trans.__(
          'The engine goes on without JupyterLab, as long as its machine is on.'
        )}
      </p>
    );
  }
  const title = !leading
    ? trans.__('No engine is there: nothing starts until one is.')
    : status.culled
      ? trans.__(
          'This schedule stops when the hub ends this server, as it may while nobody works.'
        )
      : trans.__('This schedule stops with JupyterLab.');
  return (
    <Message kind="warning" title={title}>
      <p>
        {trans.__('To let it go on, run this in a terminal:')}{' '}
        <code>{COMMAND}</code>
      </p>
    </Message>
  );
}
