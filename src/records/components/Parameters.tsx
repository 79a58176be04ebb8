import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { JSONValue, Run } from '../../api';
import { hasParts } from '../../shared/runs';
import { Digest } from '../../shared/components/Digest';
import { Table } from '../../shared/components/Table';
import {
  formatBytes,
  formatDuration,
  formatExact,
  formatResources,
  formatValue
} from '../../shared/format';
import { Attempts } from './Attempts';

/** The parameters, the recorded values and the place of a run. */
export function Parameters(props: {
  run: Run;
  /** The files that the run found. */
  children?: React.ReactNode;
  trans: TranslationBundle;
}): JSX.Element {
  const { run, trans } = props;
  const values = Object.entries(run.values);
  return (
    <div className="dl-Facts">
      <h2>{trans.__('Parameters')}</h2>
      {run.parameter_schema.length ? (
        <Table
          columns={[
            trans.__('Name'),
            trans.__('Value'),
            trans.__('Description')
          ]}
        >
          {run.parameter_schema.map(parameter => {
            const swept = run.sweep?.[parameter.name];
            const given = parameter.name in run.parameters;
            const value = given
              ? run.parameters[parameter.name]
              : parameter.default;
            return (
              <tr key={parameter.name}>
                <th scope="row">
                  <code>{parameter.name}</code>
                </th>
                <td>
                  {swept ? (
                    swept.map((each, at) => (
                      <span key={at}>
                        <Value value={each as JSONValue} trans={trans} />{' '}
                      </span>
                    ))
                  ) : (
                    <Value value={value} trans={trans} />
                  )}{' '}
                  {!given && !swept && (
                    <span className="dl-mod-quiet">{trans.__('default')}</span>
                  )}
                </td>
                <td>{parameter.description}</td>
              </tr>
            );
          })}
        </Table>
      ) : (
        <p className="dl-Empty">{trans.__('It declares no parameters.')}</p>
      )}
      {!hasParts(run) && <Values values={values} trans={trans} />}
      {!hasParts(run) && props.children}
      {run.attempts.length > 1 && (
        <>
          <h2>{trans.__('Attempts')}</h2>
          <Attempts run={run} trans={trans} />
        </>
      )}
      <h2>{trans.__('Where and how')}</h2>
      <table>
        <tbody>
          {facts(run, trans).map(([name, value]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{value}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Values(props: {
  values: [string, JSONValue][];
  trans: TranslationBundle;
}): JSX.Element {
  const { values, trans } = props;
  return (
    <>
      <h2>{trans.__('Values')}</h2>
      {values.length ? (
        <table>
          <tbody>
            {values.map(([name, value]) => (
              <tr key={name}>
                <th scope="row">
                  <code>{name}</code>
                </th>
                <td>
                  <Value value={value} trans={trans} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : (
        <p className="dl-Empty">
          {trans.__(
            'Nothing was recorded. A notebook or script leaves a value with dataops_lab.record(name, value).'
          )}
        </p>
      )}
    </>
  );
}

function Value(props: {
  value: JSONValue;
  trans: TranslationBundle;
}): JSX.Element {
  return props.value === null ? (
    <em>{props.trans.__('no value')}</em>
  ) : (
    <code>{formatValue(props.value)}</code>
  );
}

type Fact = [string, React.ReactNode];

function facts(run: Run, trans: TranslationBundle): Fact[] {
  const attempt = run.attempts[run.attempts.length - 1];
  const { remote, branch, commit, dirty } = run.origin;
  const git = [remote, branch, commit?.slice(0, 10)].filter(Boolean).join(' ');
  const digest = (value: string | null) =>
    value && <Digest digest={value} trans={trans} />;
  const all: Fact[] = [
    ...sourceFacts(run, trans),
    [trans.__('Environment'), environmentOf(run, trans)],
    [
      trans.__('Image'),
      run.image && `${run.image.name} (${run.image.reference})`
    ],
    [trans.__('Image digest'), digest(run.image?.digest ?? null)],
    [trans.__('Resources'), formatResources(run.resources, trans)],
    [trans.__('Git'), git && (dirty ? trans.__('%1, with changes', git) : git)],
    [trans.__('Timeout'), formatDuration(run.timeout_s)],
    [trans.__('Priority'), run.priority ? String(run.priority) : null],
    [trans.__('Retries'), run.max_retries ? String(run.max_retries) : null],
    [
      trans.__('Kept'),
      run.kept_at &&
        trans.__('%1, by %2', formatExact(run.kept_at), run.kept_by?.name ?? '')
    ],
    [
      trans.__('Processor time'),
      attempt?.cpu_seconds === null || attempt === undefined
        ? null
        : formatDuration(attempt.cpu_seconds)
    ],
    [
      trans.__('Memory at most'),
      attempt?.peak_memory_bytes ? formatBytes(attempt.peak_memory_bytes) : null
    ],
    [trans.__('Run'), run.id],
    [trans.__('Version digest'), digest(run.digests.version)],
    [trans.__('Record digest'), digest(run.digests.record)]
  ];
  return all.filter(([, value]) => Boolean(value));
}

/** Return the facts about what ran: notebook and kernel, script and interpreter, or command. */
function sourceFacts(run: Run, trans: TranslationBundle): Fact[] {
  const program = run.kernel?.display_name ?? null;
  switch (run.kind) {
    case 'script':
      return [
        [trans.__('Script'), run.job.source],
        [trans.__('Interpreter'), program]
      ];
    case 'command':
      return [[trans.__('Command'), <code>{run.command.join(' ')}</code>]];
    case 'pipeline':
      return [[trans.__('Pipeline'), run.job.source]];
    case 'sweep':
      return [
        [trans.__('Source'), run.job.source],
        [
          trans.__('Points at once'),
          run.concurrency === null ? null : String(run.concurrency)
        ],
        [
          trans.__('Points that may fail'),
          run.max_failures === null ? null : String(run.max_failures)
        ]
      ];
    default:
      return [
        [trans.__('Notebook'), run.job.source],
        [trans.__('Kernel'), program]
      ];
  }
}

function environmentOf(run: Run, trans: TranslationBundle): string {
  return run.bypassed_promotion
    ? trans.__('%1, unpromoted', run.environment)
    : run.environment;
}
