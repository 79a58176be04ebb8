import { TranslationBundle } from '@jupyterlab/translation';
import React, { useCallback } from 'react';

import type { Client } from '../api';
import { Notices } from '../shared/components/Notices';
import { dataOpsIcon } from '../shared/icons';
import { Screen } from '../shared/screen';
import { useSignal } from '../shared/signals';
import type { IRuns } from '../tokens';
import { RunsList } from './components/RunsList';
import { RunActions } from './components/RunsTable';
import { Filter, RunsListModel } from './listModel';

type Options = RunActions & {
  model: RunsListModel;
  runs: IRuns;
  trans: TranslationBundle;
};

/** Create the runs list; it begins to load. */
export function createRunsList(
  client: Client,
  runs: IRuns,
  options: Omit<RunActions, 'isMine' | 'mayChange'> & {
    trans: TranslationBundle;
  }
): RunsListWidget {
  const model = new RunsListModel(client, runs);
  return new RunsListWidget({
    ...options,
    isMine: run => runs.isMine(run),
    mayChange: run => runs.mayChange(run),
    model,
    runs
  });
}

/** The screen with the table of all runs, in the main area. */
export class RunsListWidget extends Screen {
  constructor(private readonly _options: Options) {
    super(_options.trans.__('Runs'), dataOpsIcon);
    this.id = 'dataops-runs';
    this.addClass('dl-RunsList');
    void _options.runs.start();
    void _options.model.reload();
  }

  dispose(): void {
    this._options.model.dispose();
    super.dispose();
  }

  protected render(): JSX.Element {
    return <Connected {...this._options} />;
  }
}

function Connected(props: Options): JSX.Element {
  const { model, runs, trans } = props;
  const list = useSignal(model.changed, () => model.state);
  const onFilter = useCallback(
    (filter: Filter) => void model.setFilter(filter),
    [model]
  );
  return (
    <>
      <Notices runs={runs} trans={trans} />
      <RunsList
        {...props}
        list={list}
        onFilter={onFilter}
        onMore={() => void model.loadMore()}
        onRetry={() => void model.reload()}
      />
    </>
  );
}
