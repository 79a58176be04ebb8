import { TranslationBundle } from '@jupyterlab/translation';
import React, { useEffect, useMemo, useState } from 'react';

import type { Client, EventStream, PipelineStep, Run } from '../api';
import { useSignal } from '../shared/signals';
import type { IRuns } from '../tokens';
import { ItemTable } from './components/ItemTable';
import { Result } from './components/Result';
import { Steps } from './components/Steps';
import { ItemTableModel } from './itemTableModel';
import type { StepsModel } from './model';
import { nameOf } from './steps';

type Props = {
  run: Run;
  model: StepsModel;
  client: Client;
  events: EventStream;
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
  const { run, step, client, events, runs } = props;
  const model = useMemo(
    () => new ItemTableModel(run.id, step.id, client, events, runs),
    [client, events, runs, run.id, step.id]
  );
  useEffect(() => {
    model.refresh();
    return () => model.dispose();
  }, [model]);
  return <ItemsPane {...props} model={model} />;
}

/** The table of the items of a fan-out, or of the points of a sweep, for which `step` is null. */
export function ItemsPane(props: {
  run: Run;
  step: PipelineStep | null;
  model: ItemTableModel;
  onOpen: (run: string) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { run, step, model, trans } = props;
  const state = useSignal(model.changed, () => model.state);
  const name = step ? nameOf(step) : run.job.name;
  return (
    <ItemTable
      state={state}
      label={
        step ? trans.__('Items of %1', name) : trans.__('Points of %1', name)
      }
      fileName={`${name}-${run.id}.csv`}
      onOpen={props.onOpen}
      onRetry={() => model.refresh()}
      trans={trans}
    />
  );
}
