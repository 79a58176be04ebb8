import { LabIcon } from '@jupyterlab/ui-components';
import React from 'react';

import { failedIcon, queuedIcon, unknownIcon } from '../icons';

export type MessageKind = 'error' | 'warning' | 'info';

const ICONS: { [kind in MessageKind]: LabIcon } = {
  error: failedIcon,
  warning: unknownIcon,
  info: queuedIcon
};

/** One thing that a person should know, and the next step. */
export function Message(props: {
  kind: MessageKind;
  title: React.ReactNode;
  children?: React.ReactNode;
}): JSX.Element {
  const Icon = ICONS[props.kind];
  return (
    <div
      className="dl-Message"
      data-kind={props.kind}
      role={props.kind === 'error' ? 'alert' : 'status'}
    >
      <Icon.react tag="span" className="dl-Message-icon" />
      <div className="dl-Message-body">
        <div className="dl-Message-title">{props.title}</div>
        {props.children}
      </div>
    </div>
  );
}
