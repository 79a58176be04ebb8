import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { Trouble } from '../shared/components/Trouble';
import { useSignal } from '../shared/signals';
import { Matrix } from './components/Matrix';
import type { MatrixModel } from './matrixModel';

/** The part of a pipeline's page that shows its runs beside one another, page by page. */
export function History(props: {
  model: MatrixModel;
  onOpen: (run: string) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { model, trans } = props;
  const state = useSignal(model.changed, () => model.state);
  const { matrix, isNewest, loading, trouble } = state;
  const explained = trouble && (
    <Trouble
      problem={trouble}
      onRetry={() => void model.load()}
      trans={trans}
    />
  );
  if (!matrix) {
    return explained ?? <p className="dl-Empty">{trans.__('Loading…')}</p>;
  }
  if (!matrix.runs.length) {
    return <p className="dl-Empty">{trans.__('It has not run yet.')}</p>;
  }
  return (
    <>
      {explained}
      <Matrix matrix={matrix} onOpen={props.onOpen} trans={trans} />
      {(matrix.next || !isNewest) && (
        <p className="dl-Buttons">
          <button
            type="button"
            className="dl-Button"
            disabled={isNewest || loading}
            onClick={() => void model.showNewer()}
          >
            {trans.__('Newer runs')}
          </button>
          <button
            type="button"
            className="dl-Button"
            disabled={!matrix.next || loading}
            onClick={() => void model.showOlder()}
          >
            {trans.__('Older runs')}
          </button>
        </p>
      )}
    </>
  );
}
