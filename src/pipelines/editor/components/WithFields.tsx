import { HTMLSelect } from '@jupyterlab/ui-components';
import React, { useState } from 'react';

import type { Inspection, JSONValue, Parameter } from '../../../api';
import { ParameterField } from '../../../jobs/components/ParameterField';
import { Draft, draftOf, initialDraft, readDraft } from '../../../jobs/drafts';
import { Field } from '../../../shared/components/Field';
import { formatValue } from '../../../shared/format';
import type { Lookup } from '../lookups';
import { expressionOf, readReference, writeReference } from '../references';
import { idOf, MemberField, Part, problemAt } from './fields';
import { Available, ReferenceSelect } from './ReferenceField';

type Mapping = { [name: string]: JSONValue };
type Mode = 'default' | 'value' | 'reference' | 'expression';

/** The values of the parameters of a notebook or script: each a value, or a reference to an earlier one. */
export function WithFields(props: {
  part: Part;
  given: Mapping;
  inspection: Lookup<Inspection>;
  available: Available;
}): JSX.Element {
  const { part, given, inspection, available } = props;
  const { trans } = part;
  const declared = inspection?.parameters ?? [];
  const names = new Set(declared.map(({ name }) => name));
  const unknown = Object.keys(given).filter(name => !names.has(name));
  return (
    <fieldset className="dl-Group">
      <legend>{trans.__('Parameters')}</legend>
      {inspection === undefined && (
        <p className="dl-mod-quiet">{trans.__('Reading its parameters…')}</p>
      )}
      {inspection && !declared.length && !unknown.length && (
        <p className="dl-mod-quiet">{trans.__('It declares no parameters.')}</p>
      )}
      {[...declared, ...unknown.map(undeclared)].map(parameter => (
        <Given
          key={parameter.name}
          part={part}
          parameter={parameter}
          given={given[parameter.name]}
          isDeclared={names.has(parameter.name)}
          available={available}
        />
      ))}
    </fieldset>
  );
}

function Given(props: {
  part: Part;
  parameter: Parameter;
  given: JSONValue | undefined;
  isDeclared: boolean;
  available: Available;
}): JSX.Element {
  const { part, parameter, given, available } = props;
  const { trans } = part;
  const { name } = parameter;
  const expression = expressionOf(given);
  const [chosen, setChosen] = useState<Mode | null>(null);
  const reference = expression === null ? null : readReference(expression);
  const mode: Mode =
    chosen ??
    (given === undefined
      ? 'default'
      : expression === null
        ? 'value'
        : reference
          ? 'reference'
          : 'expression');
  const set = (value: JSONValue | undefined) => part.set(['with', name], value);
  const choose = (next: Mode) => {
    setChosen(next);
    if (next === 'default') {
      set(undefined);
    } else if (
      next === 'value' &&
      (given === undefined || expression !== null)
    ) {
      set(parameter.required ? '' : parameter.default);
    }
  };
  const labels: [Mode, string][] = [
    [
      'default',
      !props.isDeclared
        ? trans.__('leave it out')
        : parameter.required
          ? trans.__('not given')
          : trans.__('default: %1', formatValue(parameter.default))
    ],
    ['value', trans.__('a value')],
    ['reference', trans.__('an earlier value')],
    ['expression', trans.__('an expression')]
  ];
  const problem = problemAt(part, 'with', name);
  const modeSelect = (
    <HTMLSelect
      aria-label={trans.__('Source of %1', name)}
      value={mode}
      disabled={part.disabled}
      onChange={event => choose(event.target.value as Mode)}
    >
      {labels.map(([value, label]) => (
        <option key={value} value={value}>
          {label}
        </option>
      ))}
    </HTMLSelect>
  );
  return (
    <div className="dl-Given" data-parameter={name}>
      {mode === 'value' ? (
        <Literal
          part={part}
          parameter={parameter}
          value={given ?? null}
          problem={problem}
        />
      ) : mode === 'expression' ? (
        <MemberField
          part={part}
          path={['with', name]}
          value={expression}
          read={text => (text ? { cel: text } : undefined)}
          label={name}
          hint="CEL"
          rows={2}
          isCode
        />
      ) : (
        <Field
          id={idOf(part, 'with', name)}
          label={name}
          description={parameter.description}
          required={parameter.required}
          problem={problem}
        >
          {attributes =>
            mode === 'reference' ? (
              <ReferenceSelect
                attributes={attributes}
                value={reference}
                available={available}
                disabled={part.disabled}
                onChoose={next => set({ cel: writeReference(next) })}
                trans={trans}
              />
            ) : (
              <output {...attributes} />
            )
          }
        </Field>
      )}
      {modeSelect}
    </div>
  );
}

/** The field for a value of the type of the parameter. A half-typed value is not written into the file. */
function Literal(props: {
  part: Part;
  parameter: Parameter;
  value: JSONValue;
  problem: string | undefined;
}): JSX.Element {
  const { part, parameter, value, problem } = props;
  const [typed, setTyped] = useState<Draft | null>(null);
  const [wrong, setWrong] = useState<string>();
  return (
    <ParameterField
      idPrefix={idOf(part, 'with')}
      parameter={parameter}
      draft={typed ?? draftOf(parameter, value) ?? initialDraft(parameter)}
      problem={wrong ?? problem}
      disabled={part.disabled}
      maySweep={false}
      onChange={draft => {
        setTyped(draft);
        const read = readDraft(parameter, draft, part.trans);
        if ('problem' in read) {
          setWrong(read.problem);
        } else {
          setWrong(undefined);
          part.set(['with', parameter.name], read.value);
        }
      }}
      onLeave={() => wrong === undefined && setTyped(null)}
      trans={part.trans}
    />
  );
}

function undeclared(name: string): Parameter {
  return {
    name,
    type: 'any',
    default: null,
    required: false,
    nullable: true,
    description: '',
    choices: [],
    items: null
  } as Parameter;
}
