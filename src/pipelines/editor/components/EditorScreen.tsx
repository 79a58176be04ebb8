import { TranslationBundle } from '@jupyterlab/translation';
import React, { lazy, Suspense } from 'react';

import { Message } from '../../../shared/components/Message';
import { useSignal } from '../../../shared/signals';
import type { OpenPipeline } from '../open';

const PipelineCanvas = lazy(() => import('../Canvas'));

/** The editor of a pipeline. */
export function EditorScreen(props: {
  pipeline: OpenPipeline;
  /** False while the editor has no size. */
  isVisible: boolean;
  onOpen: (step: string) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { pipeline, trans } = props;
  const { document, selection, files } = pipeline;
  const { unreadable } = useSignal(document.changed, () => document.state);
  return (
    <div className="dl-Editor">
      {unreadable && (
        <Message
          kind="error"
          title={trans.__(
            'Line %1, column %2: %3',
            unreadable.line,
            unreadable.column,
            unreadable.message
          )}
        />
      )}
      <Suspense fallback={<p className="dl-Empty">{trans.__('Loading…')}</p>}>
        <PipelineCanvas
          document={document}
          selection={selection}
          isVisible={props.isVisible}
          onOpen={props.onOpen}
          files={files}
          trans={trans}
        />
      </Suspense>
    </div>
  );
}
