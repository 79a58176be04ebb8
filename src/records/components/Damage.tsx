import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Run } from '../../api';
import { Message } from '../../shared/components/Message';

/** The files of a record that differ from what was stored, by name. Nothing when no file differs. */
export function Damage(props: {
  run: Run;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { run, trans } = props;
  const damage = Object.entries(run.integrity_errors);
  if (!damage.length) {
    return null;
  }
  return (
    <Message
      kind="error"
      title={trans.__('This record is damaged: it is not as it was stored.')}
    >
      <ul>
        {damage.map(([path, message]) => (
          <li key={path}>
            <code>{path}</code> {message}
          </li>
        ))}
      </ul>
      <p>
        {trans.__(
          '`jupyter dataops restore FILE` brings it back from a backup. A rerun makes a record of its own.'
        )}
      </p>
    </Message>
  );
}
