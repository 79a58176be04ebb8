import { TranslationBundle } from '@jupyterlab/translation';
import React, { useState } from 'react';

import type { Run } from '../../api';
import { isTerminal } from '../../shared/runs';

/** The report, in a frame that runs no code. */
export function Report(props: {
  run: Run;
  urlOf: (code: boolean) => string;
  trans: TranslationBundle;
}): JSX.Element {
  const { run, trans } = props;
  const [code, setCode] = useState(false);
  if (!run.digests.record) {
    return (
      <p className="dl-Empty">
        {isTerminal(run)
          ? trans.__('The run left no record, so there is no report.')
          : trans.__('The report is there when the run has ended.')}
      </p>
    );
  }
  return (
    <div className="dl-Report">
      <label>
        <input
          type="checkbox"
          checked={code}
          onChange={event => setCode(event.target.checked)}
        />
        {trans.__('With code')}
      </label>
      <iframe
        title={trans.__('Report of %1', run.job.name)}
        sandbox=""
        src={props.urlOf(code)}
      />
    </div>
  );
}
