import { TranslationBundle } from '@jupyterlab/translation';
import React, { useCallback, useEffect, useMemo, useState } from 'react';

import type { Client, PipelineStep, Run } from '../api';
import { Filter, RunsListModel } from '../runs/listModel';
import { useSignal } from '../shared/signals';
import type { IRuns } from '../tokens';
import { Items } from './components/Items';
import { Result } from './components/Result';
import { Steps } from './components/Steps';
import type { StepsModel } from './model';

type Props = {
  run: Run;
  model: StepsModel;
  client: Client;
  runs: IRuns;
  onOpen: (run: string) => void;
  onReproduce: (step: string) => void;
  trans: TranslationBundle;
};

/** The part of a pipeline run's record that shows its steps. */
export function StepsPane(props: Props): JSX.Element {
  const { run, model, client, runs, onOpen, trans } = props;
  const state = useSignal(model.changed, () => model.state);
  return (
    <Steps
      run={run}
      state={state}
      progressOf={step =>
        step.state === 'running' && step.run_id
          ? runs.get(step.run_id)?.progress
          : undefined
      }
      onOpen={onOpen}
      onReproduce={props.onReproduce}
      onDecide={(step, decision) => model.decide(step, decision)}
      onRetry={() => model.refresh()}
      drawResult={step =>
        step.run_id && (
          <ResultOfStep client={client} run={step.run_id} trans={trans} />
        )
      }
      drawItems={step => <ItemsOfStep {...props} step={step} />}
      trans={trans}
    />
  );
}

/** The result of a step's run. It is read once: a run that has ended stays as it is. */
function ResultOfStep(props: {
  client: Client;
  run: string;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { client, run: id, trans } = props;
  const [run, setRun] = useState<Run | null>(null);
  useEffect(() => {
    let isShown = true;
    client.run(id).then(
      found => isShown && setRun(found),
      // The button beside it opens the record, which says what is wrong.
      () => undefined
    );
    return () => {
      isShown = false;
    };
  }, [client, id]);
  return run && <Result run={run} trans={trans} />;
}

/** The items of a fan-out. They are read when they are first shown. */
function ItemsOfStep(props: Props & { step: PipelineStep }): JSX.Element {
  const { run, step, client, runs, onOpen, trans } = props;
  const items = useMemo(
    () => new RunsListModel(client, runs, { parent: run.id, step: step.id }),
    [client, runs, run.id, step.id]
  );
  useEffect(() => {
    void items.reload();
    return () => items.dispose();
  }, [items]);
  const list = useSignal(items.changed, () => items.state);
  const onFilter = useCallback(
    (filter: Filter) => void items.setFilter(filter),
    [items]
  );
  const onMore = useCallback(() => void items.loadMore(), [items]);
  return (
    <Items
      step={step}
      list={list}
      onFilter={onFilter}
      onMore={onMore}
      onRetry={() => void items.reload()}
      onOpen={item => onOpen(item.id)}
      trans={trans}
    />
  );
}
