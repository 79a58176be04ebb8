import { TranslationBundle } from '@jupyterlab/translation';
import React, { useCallback } from 'react';

import type { Problem } from '../api';
import { Trouble } from '../shared/components/Trouble';
import { useSignal } from '../shared/signals';
import { Audit } from './components/Audit';
import { EnvironmentPage } from './components/EnvironmentPage';
import { Environments } from './components/Environments';
import { ImagePage } from './components/ImagePage';
import { Images } from './components/Images';
import { Retention } from './components/Retention';
import { TargetPage } from './components/TargetPage';
import { Targets } from './components/Targets';
import { Secrets, Variables } from './components/Variables';
import { AuditFilter, AuditModel } from './audit';
import { EnvironmentsModel, NEW } from './environments';
import { ImagesModel } from './images';
import { RetentionModel } from './retention';
import { TargetsModel } from './targets';

/** The id of the element that shows a page. */
export const PANEL = 'dataops-administration-page';

type Common = {
  onOpenRun: (id: string) => void;
  trans: TranslationBundle;
};

export function EnvironmentsPart(
  props: Common & { model: EnvironmentsModel; images: ImagesModel }
): JSX.Element {
  const { model, trans } = props;
  const state = useSignal(model.changed, () => model.state);
  const images = useSignal(
    props.images.changed,
    () => props.images.state.images
  );
  const { environments, selected } = state;
  if (!environments || state.trouble) {
    return <Loading {...props} problem={state.trouble} model={model} />;
  }
  const environment =
    environments.find(environment => environment.name === selected) ?? null;
  if (!environment && selected !== NEW) {
    return (
      <Environments
        environments={environments}
        onSelect={name => void model.select(name)}
        onAdd={() => void model.select(NEW)}
        trans={trans}
      />
    );
  }
  return (
    <EnvironmentPage
      key={environment?.name}
      environment={environment}
      images={(images ?? []).map(environment => environment.name)}
      onBack={() => void model.select(null)}
      onSave={(name, settings) =>
        environment ? model.change(name, settings) : model.add(name, settings)
      }
      onRemove={name => model.remove(name)}
      trans={trans}
    >
      {environment && (
        <>
          <Variables
            variables={state.variables}
            onSet={(name, value) => model.setVariable(name, value)}
            onRemove={name => model.removeVariable(name)}
            trans={trans}
          />
          <Secrets
            secrets={state.secrets}
            onSet={(name, value) => model.setSecret(name, value)}
            onRemove={name => model.removeSecret(name)}
            trans={trans}
          />
        </>
      )}
    </EnvironmentPage>
  );
}

export function ImagesPart(
  props: Common & { model: ImagesModel; kernels: () => string[] }
): JSX.Element {
  const { model, trans } = props;
  const state = useSignal(model.changed, () => model.state);
  const { images, selected } = state;
  const onFreeze = useCallback(
    (kernel: string) => model.packagesOf(kernel),
    [model]
  );
  if (!images || state.trouble) {
    return <Loading {...props} problem={state.trouble} model={model} />;
  }
  const image = images.find(candidate => candidate.name === selected);
  if (!image) {
    return (
      <Images
        {...state}
        images={images}
        kernels={props.kernels()}
        onSelect={name => void model.select(name)}
        onAdd={addition => model.add(addition)}
        onBuild={build => model.build(build)}
        onFreeze={onFreeze}
        onCancel={task => model.cancel(task)}
        trans={trans}
      />
    );
  }
  const { name } = image;
  return (
    <ImagePage
      key={name}
      {...state}
      image={image}
      images={images}
      onBack={() => void model.select(null)}
      onPin={pull => model.add({ name, reference: image.reference, pull })}
      onCancel={task => model.cancel(task)}
      onProbe={() => model.probe(name)}
      onCheck={() => model.checkReference(name)}
      onChange={change => model.change(name, change)}
      onAllow={(environment, allowed) =>
        model.allow(name, environment, allowed)
      }
      onRemove={() => model.remove(name)}
      onTrial={request => model.startTrial(request)}
      onOpenRun={props.onOpenRun}
      trans={trans}
    />
  );
}

export function RetentionPart(
  props: Common & { model: RetentionModel }
): JSX.Element {
  const { model } = props;
  const state = useSignal(model.changed, () => model.state);
  if (!state.rules || state.trouble) {
    return <Loading {...props} problem={state.trouble} model={model} />;
  }
  return (
    <Retention
      state={state}
      onPreview={rules => model.preview(rules)}
      onSave={rules => model.save(rules)}
      onApply={() => model.apply()}
      onEdit={() => model.forget()}
      onOpenRun={props.onOpenRun}
      trans={props.trans}
    />
  );
}

export function TargetsPart(
  props: Common & { model: TargetsModel }
): JSX.Element {
  const { model, trans } = props;
  const state = useSignal(model.changed, () => model.state);
  const { targets, selected } = state;
  if (!targets || state.trouble) {
    return <Loading {...props} problem={state.trouble} model={model} />;
  }
  const target = targets.find(candidate => candidate.name === selected) ?? null;
  if (!target && selected !== NEW) {
    return (
      <Targets
        state={state}
        onSelect={name => void model.select(name)}
        onAdd={() => void model.select(NEW)}
        onSetPassword={password => model.setMailPassword(password)}
        onTestMail={address => model.testMail(address)}
        trans={trans}
      />
    );
  }
  return (
    <TargetPage
      key={target?.name}
      target={target}
      environments={state.environments}
      log={state.log}
      newKey={state.key}
      onBack={() => void model.select(null)}
      onSave={(name, change) => model.put(name, change)}
      onRemove={name => model.remove(name)}
      onTest={name => model.test(name)}
      trans={trans}
    />
  );
}

export function AuditPart(props: Common & { model: AuditModel }): JSX.Element {
  const { model } = props;
  const state = useSignal(model.changed, () => model.state);
  const onFilter = useCallback(
    (filter: AuditFilter) => void model.setFilter(filter),
    [model]
  );
  if (!state.entries || state.trouble) {
    return <Loading {...props} problem={state.trouble} model={model} />;
  }
  return (
    <Audit
      state={state}
      onFilter={onFilter}
      onMore={() => model.more()}
      onVerify={() => model.verify()}
      trans={props.trans}
    />
  );
}

function Loading(props: {
  problem: Problem | null;
  model: { load(): Promise<void> };
  trans: TranslationBundle;
}): JSX.Element {
  const { problem, model, trans } = props;
  return problem ? (
    <Trouble
      problem={problem}
      onRetry={() => void model.load()}
      trans={trans}
    />
  ) : (
    <p className="dl-Empty">{trans.__('Loading…')}</p>
  );
}
