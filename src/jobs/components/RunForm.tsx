import { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect } from '@jupyterlab/ui-components';
import React, { useEffect, useRef } from 'react';

import type { Run } from '../../api';
import { Message } from '../../shared/components/Message';
import { Trouble } from '../../shared/components/Trouble';
import { shortDigest } from '../../shared/format';
import { runAsJobIcon } from '../../shared/icons';
import type { Draft } from '../drafts';
import type { FormState } from '../model';
import { Findings } from './Findings';
import { ParameterField } from './ParameterField';
import { Travelling } from './Travelling';

export type FormActions = {
  onDraft: (name: string, draft: Draft) => void;
  onLeave: (name: string) => void;
  onName: (name: string) => void;
  onKernel: (kernel: string) => void;
  onTimeout: (minutes: string) => void;
  onReload: () => void;
  onSubmit: () => void;
};

export function RunForm(
  props: FormActions & {
    state: FormState;
    title: string;
    rerunOf: Run | null;
    trans: TranslationBundle;
  }
): JSX.Element {
  const { state, rerunOf, trans } = props;
  const { inspection } = state;
  const form = useRef<HTMLFormElement>(null);
  const sent = useRef(false);
  useEffect(() => {
    if (sent.current && !state.submitting) {
      sent.current = false;
      // What is wrong comes to the one who pressed the button, who need not look for it.
      form.current?.querySelector<HTMLElement>('[aria-invalid]')?.focus();
    }
  }, [state.problems, state.submitting]);
  const ready = rerunOf !== null || inspection !== null;
  const busy = state.submitting;
  const findings = [...state.notes, ...(inspection?.findings ?? [])];
  return (
    <form
      ref={form}
      className="dl-RunForm"
      aria-busy={state.loading || busy}
      noValidate
      onSubmit={event => {
        event.preventDefault();
        sent.current = true;
        props.onSubmit();
      }}
    >
      <div className="dl-RunForm-title">
        <h1>
          {rerunOf
            ? trans.__('Rerun with other parameters')
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
      {!ready && !state.trouble && (
        <p className="dl-Empty">{trans.__('Reading the notebook…')}</p>
      )}
      {/* What may go wrong is seen without scrolling. */}
      <Findings
        findings={findings.filter(it => it.severity === 'warning')}
        trans={trans}
      />
      {ready && (
        <>
          {!rerunOf && (
            <div className="dl-Field">
              <div className="dl-Field-head">
                <label htmlFor="dl-run-name">{trans.__('Name')}</label>
              </div>
              <div className="dl-Field-control">
                <input
                  id="dl-run-name"
                  type="text"
                  className="jp-mod-styled"
                  maxLength={200}
                  value={state.name}
                  disabled={busy}
                  onChange={event => props.onName(event.target.value)}
                />
              </div>
            </div>
          )}
          <Parameters {...props} />
          {inspection && <Kernel {...props} />}
          {inspection && (
            <section>
              <h2>{trans.__('What travels along')}</h2>
              <Travelling inspection={inspection} trans={trans} />
            </section>
          )}
          {inspection && (
            <details className="dl-More">
              <summary>{trans.__('More')}</summary>
              <div className="dl-Field">
                <div className="dl-Field-head">
                  <label htmlFor="dl-run-timeout">{trans.__('Timeout')}</label>
                  <span className="dl-mod-quiet">{trans.__('minutes')}</span>
                </div>
                <div className="dl-Field-control">
                  <input
                    id="dl-run-timeout"
                    type="number"
                    className="jp-mod-styled"
                    min={0}
                    max={72 * 60}
                    step="any"
                    placeholder={trans.__('none')}
                    value={state.timeout}
                    disabled={busy}
                    onChange={event => props.onTimeout(event.target.value)}
                  />
                </div>
              </div>
            </details>
          )}
          <Findings
            findings={findings.filter(it => it.severity === 'info')}
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
            disabled={busy || state.loading}
          >
            <runAsJobIcon.react tag="span" aria-hidden />
            {busy ? trans.__('Starting…') : trans.__('Run')}
          </button>
          <span className="dl-mod-quiet">
            {trans.__(
              'Runs in the sandbox, on a copy. The notebook itself stays as it is.'
            )}
          </span>
        </div>
      )}
    </form>
  );
}

type SectionProps = Parameters<typeof RunForm>[0];

function Parameters(props: SectionProps): JSX.Element {
  const { state, trans } = props;
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
          onChange={draft => props.onDraft(parameter.name, draft)}
          onLeave={() => props.onLeave(parameter.name)}
          trans={trans}
        />
      ))}
      {!state.parameters.length && (
        <p className="dl-Empty">
          {trans.__('This notebook has no parameters.')}
        </p>
      )}
    </section>
  );
}

function Kernel(props: SectionProps): JSX.Element {
  const { state, trans } = props;
  const { kernels, kernel, kernel_problem: problem } = state.inspection!;
  const chosen = state.kernel ?? kernel?.name ?? '';
  return (
    <section>
      <h2>
        <label htmlFor="dl-run-kernel">{trans.__('Kernel')}</label>
      </h2>
      <div className="dl-Field-control">
        <HTMLSelect
          id="dl-run-kernel"
          value={chosen}
          disabled={state.submitting}
          aria-invalid={problem ? true : undefined}
          onChange={event => props.onKernel(event.target.value)}
        >
          {!kernels.includes(chosen) && (
            <option value={chosen}>{trans.__('Choose a kernel…')}</option>
          )}
          {kernels.map(name => (
            <option key={name} value={name}>
              {name === kernel?.name
                ? `${kernel.display_name} (${name})`
                : name}
            </option>
          ))}
        </HTMLSelect>
      </div>
      {problem && <Message kind="error" title={problem} />}
    </section>
  );
}
