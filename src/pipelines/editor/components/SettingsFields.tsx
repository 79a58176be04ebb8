import React from 'react';

import type { JSONValue, Placement, StepKind } from '../../../api';
import { isMapping } from '../edits';
import type { Lookup } from '../lookups';
import { expressionOf } from '../references';
import {
  asText,
  ChoiceField,
  idOf,
  LinesField,
  MemberField,
  numberOrText,
  Part,
  problemAt
} from './fields';

type Mapping = { [name: string]: JSONValue };

/** Image, kernel, resources, retries, timeout and variables: of one step, or the defaults of all. */
export function SettingsFields(props: {
  part: Part;
  value: Mapping;
  /** The defaults of the pipeline, shown where the step says nothing. */
  defaults: Mapping;
  kind: StepKind | null;
  placements: Lookup<Placement[]>;
  kernels: readonly (readonly [string, string])[];
}): JSX.Element {
  const { part, value, defaults, kind, placements } = props;
  const { trans } = part;
  const images = new Map(
    (placements ?? [])
      .flatMap(placement => placement.images)
      .map(({ name, python }) => [
        name,
        python ? trans.__('%1 · Python %2', name, python) : name
      ])
  );
  const nothing = (member: string) =>
    defaults[member] === undefined
      ? trans.__('that of the environment')
      : trans.__('as all steps: %1', asText(defaults[member]));
  const resources = isMapping(value.resources) ? value.resources : {};
  const ofAll = isMapping(defaults.resources) ? defaults.resources : {};
  const resource = (member: string, label: string, example: string) => (
    <MemberField
      part={part}
      path={['resources', member]}
      value={resources[member]}
      label={label}
      placeholder={asText(ofAll[member]) || example}
      read={numberOrText}
    />
  );
  return (
    <fieldset className="dl-Group">
      <legend>{trans.__('Where and how it runs')}</legend>
      <ChoiceField
        id={idOf(part, 'image')}
        label={trans.__('Image')}
        problem={problemAt(part, 'image')}
        value={asText(value.image)}
        options={[['', nothing('image')], ...images]}
        disabled={part.disabled}
        onChoose={image => part.set(['image'], image || undefined)}
      />
      {(kind === null || kind === 'notebook' || kind === 'script') && (
        <ChoiceField
          id={idOf(part, 'kernel')}
          label={trans.__('Kernel')}
          problem={problemAt(part, 'kernel')}
          value={asText(value.kernel)}
          options={[
            [
              '',
              defaults.kernel === undefined
                ? trans.__('that of the notebook')
                : nothing('kernel')
            ],
            ...props.kernels
          ]}
          disabled={part.disabled}
          onChoose={kernel => part.set(['kernel'], kernel || undefined)}
        />
      )}
      <div className="dl-Fields">
        {resource('cpus', trans.__('CPUs'), '2')}
        {resource('memory', trans.__('Memory'), '4G')}
        {resource('gpus', trans.__('GPUs'), '0')}
        {resource('pids', trans.__('Processes'), '100')}
        <MemberField
          part={part}
          path={['retries']}
          value={value.retries}
          label={trans.__('Retries')}
          hint={trans.__('after an error')}
          placeholder={asText(defaults.retries) || '0'}
          read={numberOrText}
        />
        <MemberField
          part={part}
          path={['timeout']}
          value={value.timeout}
          label={trans.__('Timeout')}
          hint={trans.__('such as 30m')}
          placeholder={asText(defaults.timeout) || trans.__('none')}
          read={numberOrText}
        />
      </div>
      <VariablesField part={part} value={value.env} />
    </fieldset>
  );
}

/** Environment variables, as `NAME=value` on each line. */
function VariablesField(props: {
  part: Part;
  value: JSONValue | undefined;
}): JSX.Element {
  const { part, value } = props;
  const { trans } = part;
  const lines = Object.entries(isMapping(value) ? value : {}).map(
    ([name, member]) => `${name}=${asText(member)}`
  );
  return (
    <LinesField
      part={{
        ...part,
        set: (path, texts) =>
          part.set(
            path,
            Array.isArray(texts) ? variablesOf(texts as string[]) : undefined
          )
      }}
      path={['env']}
      value={lines}
      label={trans.__('Environment variables')}
      hint={trans.__('NAME=value, one a line')}
    />
  );
}

/** Return the value of a variable: a text, or the reference that a text such as `{"cel": "params.month"}` is. */
function variableOf(text: string): JSONValue {
  try {
    const value = JSON.parse(text) as JSONValue;
    return expressionOf(value) === null ? text : value;
  } catch {
    return text;
  }
}

function variablesOf(lines: string[]): Mapping | undefined {
  const variables = lines
    .map(line => /^\s*([^=\s]+)\s*=(.*)$/.exec(line))
    .filter((found): found is RegExpExecArray => found !== null)
    .map(([, name, value]): [string, JSONValue] => [name, variableOf(value)]);
  return variables.length ? Object.fromEntries(variables) : undefined;
}
