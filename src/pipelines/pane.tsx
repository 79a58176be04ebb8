import { TranslationBundle } from '@jupyterlab/translation';
import React, { useEffect, useMemo } from 'react';

import type { Client, EventStream, PipelineStep, Run } from '../api';
import { useSignal } from '../shared/signals';
import type { IRuns } from '../tokens';
import { ItemTable } from './components/ItemTable';
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
  trans: TranslationBundle;
};

/** The part of a pipeline run's record that shows its steps. */
export function StepsPane(props: Props): JSX.Element {
  const { run, model, runs, onOpen, trans } = props;
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
      onDecide={(step, decision) => model.decide(step, decision)}
      onRetry={() => model.refresh()}
      drawItems={step => <ItemsOfStep {...props} step={step} />}
      trans={trans}
    />
  );
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
