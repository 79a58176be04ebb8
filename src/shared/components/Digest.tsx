import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { shortDigest } from '../format';
import { CopyButton } from './CopyButton';

/** The first part of a digest, enough to tell it from others. Hover and clipboard have all of it. */
export function Digest(props: {
  digest: string;
  trans: TranslationBundle;
}): JSX.Element {
  const { digest, trans } = props;
  return (
    <span className="dl-Digest">
      <code title={digest}>{shortDigest(digest)}</code>
      <CopyButton
        text={digest}
        label={trans.__('Copy the digest')}
        trans={trans}
      />
    </span>
  );
}
