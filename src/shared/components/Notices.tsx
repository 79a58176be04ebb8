import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { useSignal } from '../signals';
import type { IRuns } from '../../tokens';
import { Message } from './Message';

const COMMANDS = 'jupyter dataops engine run\njupyter dataops doctor';

/** The notices about the whole page: no engine leads, or the connection is lost. */
export function Notices(props: {
  runs: IRuns;
  trans: TranslationBundle;
}): JSX.Element {
  const { runs, trans } = props;
  const connected = useSignal(runs.changed, () => runs.connected);
  const engineMissing = useSignal(runs.changed, () => runs.engineMissing);
  return (
    <>
      <div className="dl-Connection" aria-live="polite">
        {connected ? '' : trans.__('Connection lost, reconnecting…')}
      </div>
      {engineMissing && (
        <Message
          kind="warning"
          title={trans.__('No engine is at work, so queued runs wait.')}
        >
          <p>{trans.__('Start one in a terminal, or see what is wrong:')}</p>
          <pre>{COMMANDS}</pre>
        </Message>
      )}
    </>
  );
}
