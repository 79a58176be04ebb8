import { TranslationBundle } from '@jupyterlab/translation';
import React, { useEffect, useRef } from 'react';

import type {
  Inspection,
  JobKind,
  PipelineProblem,
  Placement,
  Run,
  TravellingFile
} from '../../api';
import { PipelineGraph } from '../../pipelines/components/PipelineGraph';
import { Problems } from '../../pipelines/components/Problems';
import { Reuse } from '../../pipelines/components/Reuse';
import { Message } from '../../shared/components/Message';
import { TextField } from '../../shared/components/TextField';
import { Trouble } from '../../shared/components/Trouble';
import { formatDuration, shortDigest } from '../../shared/format';
import { runAsJobIcon, scheduleIcon } from '../../shared/icons';
import type { Draft } from '../drafts';
import type { FormState } from '../model';
import type { OutputsDraft } from '../outputs';
import {
  hasImages,
  imageOf,
  isPlaceOfRun,
  matchingKernel,
  Place,
  placementOf
} from '../place';
import { NO_SETTINGS, SettingName, SettingsDraft } from '../settings';
import { countRuns, isSweep, MAX_POINTS, SweepDraft } from '../sweep';
import { Findings } from './Findings';
import { choosesKernel } from '../kernels';
import { KernelField } from './KernelField';
import { ParameterField } from './ParameterField';
import { OutputsFields } from './OutputsFields';
import { PlaceFields } from './PlaceFields';
import { SettingsFields } from './SettingsFields';
import { SweepFields } from './SweepFields';
import { Travelling } from './Travelling';

export type FormActions = {
  onDraft: (name: string, draft: Draft) => void;
  onLeave: (name: string) => void;
  onName: (name: string) => void;
  onKernel: (kernel: string) => void;
  onPlace: (change: Partial<Place>) => void;
  onSettings: (change: Partial<SettingsDraft>) => void;
  onReuse: (reuse: boolean) => void;
  onSweep: (change: Partial<SweepDraft>) => void;
  onOutputs: (change: Partial<OutputsDraft>) => void;
  onTakeAlong: (file: string) => void;
  onSameJob: (job: string) => void;
  onNewJob: () => void;
  onPin: (file: TravellingFile, pinned: boolean) => void;
  /** Show the place of a problem in the file of a pipeline. */
  onShowProblem: (problem: PipelineProblem) => void;
  onReload: () => void;
  onSubmit: () => void;
  /** Schedule the file with what the form holds; null where that makes no sense. */
  onSchedule: (() => void) | null;
};

export function RunForm(
  props: FormActions & {
    state: FormState;
    title: string;
    kind: JobKind;
    rerunOf: Run | null;
    /** True when parameters may have several values. */
    maySweep: boolean;
    /** The part that says of what the person is told. */
    tell?: React.ReactNode;
    /** Whether the run publishes its outputs. */
    publishes: boolean;
    trans: TranslationBundle;
  }
): JSX.Element {
  const { state, kind, rerunOf, trans } = props;
  const { inspection, validation } = state;
  const mistakes = validation?.problems ?? [];
  const form = useRef<HTMLFormElement>(null);
  const wasSubmitted = useRef(false);
  useEffect(() => {
    if (wasSubmitted.current && !state.submitting) {
      wasSubmitted.current = false;
      // The focus goes to the first wrong field, so the person who pressed the button need not look for it.
      form.current?.querySelector<HTMLElement>('[aria-invalid]')?.focus();
    }
  }, [state.problems, state.fieldProblems, state.submitting]);
  const placement = placementOf(state.place, state.placements);
  const hasSettingProblem = Object.keys(NO_SETTINGS).some(
    name => state.fieldProblems[name]
  );
  const ready = rerunOf !== null || inspection !== null;
  const busy = state.submitting;
  const hasOutputs = rerunOf
    ? rerunOf.has_outputs
    : inspection !== null &&
      (kind !== 'pipeline' || (inspection.outputs ?? []).length > 0);
  const count = countRuns(state.drafts);
  const findings = [...state.notes, ...(inspection?.findings ?? [])].filter(
    finding => !(finding.job && state.isNew)
  );
  return (
    <form
      ref={form}
      className="dl-RunForm dl-Form"
      aria-busy={state.loading || busy}
      noValidate
      onSubmit={event => {
        event.preventDefault();
        wasSubmitted.current = true;
        props.onSubmit();
      }}
    >
      <div className="dl-RunForm-title">
        <h1>
          {rerunOf
            ? trans.__('Rerun with other parameters or elsewhere')
            : props.kind === 'pipeline'
              ? trans.__('Run pipeline')
              : trans.__('Run as job')}
        </h1>
        <p className="dl-mod-quiet">
          {props.title}
          {rerunOf && (
            <>
              {' · '}
              {trans.__('version %1', rerunOf.version.number)}{' '}
              <code>{shortDigest(rerunOf.version.digest)}</code>
            </>
          )}
        </p>
      </div>
      {!ready && !state.trouble && !mistakes.length && (
        <p className="dl-Empty">{trans.__('Reading %1…', props.title)}</p>
      )}
      {mistakes.length > 0 && (
        <Message
          kind="error"
          title={trans.__('The file of the pipeline has mistakes.')}
        >
          <Problems
            problems={mistakes}
            onShow={props.onShowProblem}
            trans={trans}
          />
          <p>
            <button
              type="button"
              className="dl-Button"
              disabled={state.loading}
              onClick={props.onReload}
            >
              {trans.__('Check again')}
            </button>
          </p>
        </Message>
      )}
      {/* The mistakes may be those of one environment. */}
      {mistakes.length > 0 && state.placements.length > 0 && (
        <PlaceSection {...props} />
      )}
      {/* The findings are here so that people see them without scrolling. */}
      <Findings
        findings={findings.filter(finding => finding.severity === 'warning')}
        busy={busy || state.loading}
        onTakeAlong={props.onTakeAlong}
        onSameJob={props.onSameJob}
        onNewJob={props.onNewJob}
        trans={trans}
      />
      {ready && (
        <>
          {!rerunOf && (
            <TextField
              id="dl-run-name"
              label={trans.__('Name')}
              maxLength={200}
              value={state.name}
              disabled={busy}
              onChange={props.onName}
            />
          )}
          <Parameters {...props} />
          {state.placements.length > 0 && <PlaceSection {...props} />}
          {validation && validation.steps.length > 0 && (
            <section>
              <h2>{trans.__('Steps')}</h2>
              <PipelineGraph steps={validation.steps} trans={trans} />
              <Reuse
                isWanted={state.reuse}
                preview={state.reusePreview}
                disabled={busy}
                onChange={props.onReuse}
                trans={trans}
              />
            </section>
          )}
          {inspection && kind !== 'pipeline' && (
            <section>
              <h2>{trans.__('What travels along')}</h2>
              <Travelling
                inspection={inspection}
                disabled={busy || state.loading}
                onPin={props.onPin}
                trans={trans}
              />
            </section>
          )}
          {hasOutputs && (
            <section>
              <h2>{trans.__('Outputs')}</h2>
              <OutputsFields
                draft={state.outputs}
                publishes={props.publishes}
                declared={inspection?.outputs ?? []}
                mayDeclare={!rerunOf && kind !== 'pipeline'}
                problem={state.fieldProblems.outputs}
                disabled={busy}
                onChange={props.onOutputs}
                trans={trans}
              />
            </section>
          )}
          {!rerunOf && props.tell}
          {inspection && (
            <details
              className="dl-More"
              // The part opens when a field in it is wrong.
              open={hasSettingProblem || undefined}
            >
              <summary>{trans.__('More')}</summary>
              <SettingsFields
                id="dl-run"
                draft={state.settings}
                problems={state.fieldProblems}
                disabled={busy}
                fixed={fixedSettings(placement, trans)}
                placeholder={trans.__('default')}
                onChange={props.onSettings}
                trans={trans}
              />
            </details>
          )}
          <Findings
            findings={findings.filter(finding => finding.severity === 'info')}
            busy={busy || state.loading}
            onTakeAlong={props.onTakeAlong}
            onSameJob={props.onSameJob}
            onNewJob={props.onNewJob}
            trans={trans}
          />
        </>
      )}
      {state.trouble && (
        <Trouble
          problem={state.trouble}
          onRetry={ready ? props.onSubmit : props.onReload}
          trans={trans}
        />
      )}
      {ready && (
        <div className="dl-RunForm-submit">
          <button
            type="submit"
            className="jp-mod-styled jp-mod-accept"
            disabled={busy || state.loading || count > MAX_POINTS}
          >
            <runAsJobIcon.react tag="span" aria-hidden />
            {busy
              ? trans.__('Starting…')
              : isSweep(state.drafts)
                ? trans._n('Start %1 run', 'Start %1 runs', count)
                : trans.__('Run')}
          </button>
          {props.onSchedule && (
            <button
              type="button"
              className="dl-Button"
              disabled={busy || state.loading || isSweep(state.drafts)}
              title={
                isSweep(state.drafts)
                  ? trans.__('A schedule has presets for several values.')
                  : undefined
              }
              onClick={props.onSchedule}
            >
              <scheduleIcon.react tag="span" aria-hidden />
              {trans.__('Schedule…')}
            </button>
          )}
          <span className="dl-mod-quiet">
            {rerunOf
              ? trans.__(
                  'Runs in %1, with the data that the earlier run read.',
                  state.place.environment
                )
              : placeSentence(kind, state.place.environment, trans)}
          </span>
        </div>
      )}
    </form>
  );
}

type SectionProps = Parameters<typeof RunForm>[0];

function Parameters(props: SectionProps): JSX.Element {
  const { state, rerunOf, trans } = props;
  return (
    <section>
      <h2>{trans.__('Parameters')}</h2>
      {state.parameters.map(parameter => (
        <ParameterField
          key={parameter.name}
          parameter={parameter}
          draft={state.drafts[parameter.name]}
          problem={state.problems[parameter.name]}
          disabled={state.submitting}
          maySweep={props.maySweep}
          onChange={draft => props.onDraft(parameter.name, draft)}
          onLeave={() => props.onLeave(parameter.name)}
          trans={trans}
        />
      ))}
      {!state.parameters.length && (
        <p className="dl-Empty">{trans.__('It declares no parameters.')}</p>
      )}
      {rerunOf?.sweep && (
        <p className="dl-mod-quiet">
          {trans.__(
            'Each point keeps its own values of %1.',
            Object.keys(rerunOf.sweep).join(', ')
          )}
        </p>
      )}
      {isSweep(state.drafts) && (
        <SweepFields
          count={countRuns(state.drafts)}
          draft={state.sweep}
          problems={state.fieldProblems}
          disabled={state.submitting}
          onChange={props.onSweep}
          trans={trans}
        />
      )}
    </section>
  );
}

function PlaceSection(props: SectionProps): JSX.Element {
  const { state, rerunOf, trans } = props;
  const { place, placements } = state;
  const isSamePlace =
    rerunOf && isPlaceOfRun(place, placementOf(place, placements), rerunOf);
  return (
    <section>
      <h2>{trans.__('Where it runs')}</h2>
      <PlaceFields
        place={place}
        placements={placements}
        defaultResources={isSamePlace ? rerunOf.resources : undefined}
        problems={state.fieldProblems}
        onlyEnvironment={props.kind === 'pipeline'}
        disabled={state.submitting}
        onChange={props.onPlace}
        trans={trans}
      />
      {state.inspection && (
        <KernelSection {...props} inspection={state.inspection} />
      )}
    </section>
  );
}

/** The field for a kernel of the image, or of this machine when there is no image. */
function KernelSection(
  props: SectionProps & { inspection: Inspection }
): JSX.Element | null {
  const { state, inspection, trans } = props;
  const placement = placementOf(state.place, state.placements);
  const image = imageOf(state.place, placement);
  if (
    !choosesKernel({ kind: props.kind, kernel: inspection.kernel }) ||
    (!image && hasImages(placement))
  ) {
    return null;
  }
  const kernels = image
    ? image.kernels
    : inspection.kernels.map(name =>
        name === inspection.kernel?.name
          ? inspection.kernel
          : { name, language: '', display_name: name }
      );
  const kernel = image
    ? matchingKernel(image.kernels, inspection.kernel)
    : inspection.kernel;
  return (
    <KernelField
      kernels={kernels}
      chosen={state.kernel ?? kernel?.name ?? ''}
      // An image may have the kernel that this machine lacks.
      problem={image ? null : inspection.kernel_problem}
      fixed={placement?.locked.includes('kernel') ?? false}
      disabled={state.submitting}
      onChange={props.onKernel}
      trans={trans}
    />
  );
}

function placeSentence(
  kind: JobKind,
  environment: string,
  trans: TranslationBundle
): string {
  switch (kind) {
    case 'notebook':
      return trans.__(
        'Runs in %1, on a copy. The notebook itself stays as it is.',
        environment
      );
    case 'pipeline':
      return trans.__(
        'Runs in %1, each step on a copy of its files.',
        environment
      );
    default:
      return trans.__(
        'Runs in %1, on a copy. The script itself stays as it is.',
        environment
      );
  }
}

/** Return the settings that the environment has fixed for everybody, each with a text about its value. */
function fixedSettings(
  placement: Placement | undefined,
  trans: TranslationBundle
): { [name in SettingName]?: string } {
  const timeout = placement?.limits.timeout_s;
  return placement?.locked.includes('timeout_s')
    ? {
        timeout_s: timeout
          ? trans.__('%1, fixed here', formatDuration(timeout))
          : trans.__('fixed here')
      }
    : {};
}
