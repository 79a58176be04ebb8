import { Clipboard } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { checkIcon, copyIcon } from '@jupyterlab/ui-components';
import React, { useState } from 'react';

/** A button that copies a text to the clipboard, and says that it did. */
export function CopyButton(props: {
  text: string;
  label: string;
  trans: TranslationBundle;
}): JSX.Element {
  const [copied, setCopied] = useState(false);
  const Icon = copied ? checkIcon : copyIcon;
  const label = copied ? props.trans.__('Copied') : props.label;
  return (
    <button
      type="button"
      className="dl-Button dl-mod-icon"
      title={label}
      aria-label={label}
      onClick={event => {
        event.stopPropagation();
        Clipboard.copyToSystem(props.text);
        setCopied(true);
      }}
      onBlur={() => setCopied(false)}
    >
      <Icon.react tag="span" />
    </button>
  );
}
