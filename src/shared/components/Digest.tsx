import { Clipboard } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { checkIcon, copyIcon } from '@jupyterlab/ui-components';
import React, { useState } from 'react';

import { shortDigest } from '../format';

/** The first part of a digest, enough to tell it from others. Hover and clipboard have all of it. */
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
