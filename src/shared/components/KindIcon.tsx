import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { iconOfKind, Kind, labelOfKind } from '../kinds';

/** The kind of a job or step as an icon, with its word for people who hover over it or do not see it. */
export function KindIcon(props: {
  kind: Kind;
  trans: TranslationBundle;
}): JSX.Element {
  const { kind, trans } = props;
  const Icon = iconOfKind(kind);
  const label = labelOfKind(kind, trans);
  return (
    <span className="dl-KindIcon" role="img" aria-label={label} title={label}>
      <Icon.react tag="span" aria-hidden />
    </span>
  );
}
