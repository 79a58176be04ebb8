import { TranslationBundle } from '@jupyterlab/translation';
import React, { useId, useState } from 'react';

import type { JSONValue, ParameterType } from '../../../api';
import { Check } from '../../../shared/components/Check';
import { Message } from '../../../shared/components/Message';
import type { PipelineDocument, PipelineState } from '../document';
import type { Lookups } from '../lookups';
import type { Path } from '../yaml12';
import {
  asText,
  ChoiceField,
  idOf,
  LinesField,
  MemberField,
  numberOrText,
  Part,
  problemAt,
  TypedField
} from './fields';
import { OutputsFields } from './OutputsFields';
import { SettingsFields } from './SettingsFields';

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** The panel with all that can be said of the pipeline itself. */
export function PipelineProperties(props: {
  document: PipelineDocument;
  state: PipelineState;
  lookups: Lookups;
  disabled: boolean;
  onEdit: (edit: () => void) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { document, state, lookups, disabled, onEdit, trans } = props;
  const id = useId();
  const partAt = (...path: string[]): Part => ({
    id: [id, ...path].join('-'),
    path,
    problems: state.problems,
    disabled,
    set: (member: Path, value: JSONValue | undefined) =>
      onEdit(() => document.setAt([...path, ...member], value)),
    trans
  });
  const part = partAt();
  const { value } = state;
  const general = state.problems.filter(
    ({ step, path }) => step === null && !WITH_FIELD.has(String(path[0] ?? ''))
  );
  return (
    <section
      className="dl-Form dl-Properties"
      aria-label={trans.__('Pipeline')}
    >
      <h2>{trans.__('Pipeline')}</h2>
      {general.map(({ message }) => (
        <Message key={message} kind="error" title={message} />
      ))}
      <MemberField
        part={part}
        path={['title']}
        value={value.title}
        label={trans.__('Title')}
        placeholder={trans.__('the name of the file')}
      />
      <fieldset className="dl-Group">
        <legend>{trans.__('Parameters')}</legend>
        {Object.entries(state.parameters).map(([name, parameter]) => (
          <ParameterPart
            key={name}
            part={partAt('parameters', name)}
            name={name}
            value={parameter}
            onRename={other =>
              onEdit(() => document.renameParameter(name, other))
            }
          />
        ))}
        <NewParameter
          id={`${id}-new`}
          taken={Object.keys(state.parameters)}
          disabled={disabled}
          onAdd={name =>
            onEdit(() =>
              document.setParameter(name, [], { type: 'string', default: '' })
            )
          }
          trans={trans}
        />
      </fieldset>
      <div className="dl-Fields">
        <MemberField
          part={part}
          path={['timeout']}
          value={value.timeout}
          read={numberOrText}
          label={trans.__('Timeout of all')}
          hint={trans.__('such as 6h')}
          placeholder={trans.__('none')}
        />
        <MemberField
          part={part}
          path={['concurrency']}
          value={value.concurrency}
          read={numberOrText}
          label={trans.__('Runs at a time')}
          placeholder={trans.__('as many as there are')}
        />
      </div>
      <OutputsFields
        part={part}
        outputs={value.outputs}
        steps={state.steps
          .filter(({ kind }) => kind !== 'approval')
          .map(step => step.id)}
      />
      <h3>{trans.__('Defaults of all steps')}</h3>
      <SettingsFields
        part={partAt('defaults')}
        value={state.defaults}
        defaults={{}}
        kind={null}
        placements={lookups.placements()}
        kernels={lookups.kernels()}
      />
    </section>
  );
}

const WITH_FIELD = new Set([
  'title',
  'parameters',
  'defaults',
  'timeout',
  'concurrency',
  'outputs'
]);

function ParameterPart(props: {
  part: Part;
  name: string;
  value: { [name: string]: JSONValue };
  onRename: (name: string) => void;
}): JSX.Element {
  const { part, name, value } = props;
  const { trans } = part;
  const type = (asText(value.type) || 'any') as ParameterType;
  const types: [string, string][] = [
    ['string', trans.__('text')],
    ['integer', trans.__('whole number')],
    ['number', trans.__('number')],
    ['boolean', trans.__('yes or no')],
    ['date', trans.__('date')],
    ['datetime', trans.__('date and time')],
    ['list', trans.__('list')],
    ['mapping', trans.__('mapping')],
    ['any', trans.__('any')]
  ];
  const isRequired = value.default === undefined && value.required !== false;
  const own = part.problems
    .filter(
      ({ path }) =>
        path.length === 2 && path[0] === 'parameters' && path[1] === name
    )
    .map(({ message }) => message);
  return (
    <div
      role="group"
      aria-label={trans.__('Parameter %1', name)}
      className="dl-Parameter"
    >
      <div className="dl-Fields">
        <RenameField
          id={idOf(part, 'name')}
          name={name}
          problem={own.join(' ') || undefined}
          disabled={part.disabled}
          onRename={props.onRename}
          trans={trans}
        />
        <ChoiceField
          id={idOf(part, 'type')}
          label={trans.__('Type')}
          problem={problemAt(part, 'type')}
          value={type}
          options={types}
          disabled={part.disabled}
          onChoose={chosen => part.set(['type'], chosen)}
        />
        <MemberField
          part={part}
          path={['default']}
          value={
            type === 'string' || typeof value.default === 'string'
              ? value.default
              : value.default === undefined
                ? undefined
                : JSON.stringify(value.default)
          }
          read={text => readValue(text, type)}
          label={trans.__('Default')}
          placeholder={isRequired ? trans.__('none') : undefined}
        />
        <MemberField
          part={part}
          path={['description']}
          value={value.description}
          label={trans.__('Description')}
        />
        {type !== 'boolean' && (
          <LinesField
            part={{
              ...part,
              set: (path, lines) =>
                part.set(
                  path,
                  (lines as string[] | undefined)?.map(
                    line => readValue(line, type) ?? ''
                  )
                )
            }}
            path={['choices']}
            value={value.choices}
            label={trans.__('Choices')}
            hint={trans.__('one a line')}
            placeholder={trans.__('any value')}
          />
        )}
      </div>
      <div className="dl-Checks">
        <Check
          label={trans.__('Must be given')}
          checked={isRequired}
          disabled={part.disabled}
          onChange={checked =>
            part.set([], checked ? required(value) : optional(value, type))
          }
        />
        <Check
          label={trans.__('May be null')}
          checked={value.nullable === true}
          disabled={part.disabled}
          onChange={checked => part.set(['nullable'], checked || undefined)}
        />
        <button
          type="button"
          className="dl-Button dl-mod-link"
          aria-label={trans.__('Leave out %1', name)}
          disabled={part.disabled}
          onClick={() => part.set([], undefined)}
        >
          {trans.__('Leave out')}
        </button>
      </div>
    </div>
  );
}

/** The name of a parameter. It is changed when the field is left, because expressions name it. */
function RenameField(props: {
  id: string;
  name: string;
  problem: string | undefined;
  disabled: boolean;
  onRename: (name: string) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { id, name, disabled, onRename, trans } = props;
  const [typed, setTyped] = useState<string | null>(null);
  const isWrong = typed !== null && !NAME.test(typed);
  const leave = () => {
    if (typed !== null && !isWrong && typed !== name) {
      onRename(typed);
    }
    setTyped(null);
  };
  return (
    <TypedField
      id={id}
      label={trans.__('Name')}
      problem={
        isWrong
          ? trans.__('Use letters, digits and underscores.')
          : props.problem
      }
      value={typed ?? name}
      disabled={disabled}
      onWrite={setTyped}
      onLeave={leave}
    />
  );
}

function NewParameter(props: {
  id: string;
  taken: readonly string[];
  disabled: boolean;
  onAdd: (name: string) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { id, taken, disabled, onAdd, trans } = props;
  const [name, setName] = useState('');
  const isFree = NAME.test(name) && !taken.includes(name);
  return (
    <form
      className="dl-Inline"
      onSubmit={event => {
        event.preventDefault();
        if (isFree && !disabled) {
          onAdd(name);
          setName('');
        }
      }}
    >
      <input
        id={id}
        className="jp-mod-styled"
        aria-label={trans.__('Name of the new parameter')}
        placeholder={trans.__('name')}
        value={name}
        disabled={disabled}
        onChange={event => setName(event.target.value.trim())}
      />
      <button
        type="submit"
        className="dl-Button"
        disabled={disabled || !isFree}
      >
        {trans.__('Add parameter')}
      </button>
    </form>
  );
}

type Mapping = { [name: string]: JSONValue };

/** Return a parameter without a default, which must therefore be given. */
function required(parameter: Mapping): Mapping {
  const { default: _, required: __, ...others } = parameter;
  return others;
}

/** Return a parameter with a default: its first choice, or what is empty for its type. */
function optional(parameter: Mapping, type: ParameterType): Mapping {
  const { required: _, ...others } = parameter;
  const [choice] = Array.isArray(parameter.choices) ? parameter.choices : [];
  const value = choice ?? EMPTY[type] ?? null;
  const isNull = value === null && type !== 'any';
  return { ...others, ...(isNull && { nullable: true }), default: value };
}

/** The default of a type; a date has none, and may be null instead. */
const EMPTY: { [type in ParameterType]?: JSONValue } = {
  string: '',
  integer: 0,
  number: 0,
  boolean: false,
  list: [],
  mapping: {}
};

/** Return the value that a person means by what they typed: a text for texts, else what it is in JSON. */
function readValue(text: string, type: ParameterType): JSONValue | undefined {
  if (text === '') {
    return undefined;
  }
  if (type === 'string' || type === 'date' || type === 'datetime') {
    return text;
  }
  try {
    return JSON.parse(text) as JSONValue;
  } catch {
    return text;
  }
}
