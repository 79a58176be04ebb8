import { Clipboard } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { checkIcon, copyIcon } from '@jupyterlab/ui-components';
import React, { useState } from 'react';

import { shortDigest } from '../format';

/** Enough of a digest to tell it from others; all of it on hover and in the clipboard. */
export function Digest(props: {
  digest: string;
  trans: TranslationBundle;
}): JSX.Element {
  const { digest, trans } = props;
  const [copied, setCopied] = useState(false);
  const Icon = copied ? checkIcon : copyIcon;
  const label = copied ? trans.__('Copied') : trans.__('Copy the digest');
  return (
    <span className="dl-Digest">
      <code title={digest}>{shortDigest(digest)}</code>
      <button
        type="button"
        className="dl-Button dl-mod-icon"
        title={label}
        aria-label={label}
        onClick={event => {
          event.stopPropagation();
          Clipboard.copyToSystem(digest);
          setCopied(true);
        }}
        onBlur={() => setCopied(false)}
      >
        <Icon.react tag="span" />
      </button>
    </span>
  );
}
