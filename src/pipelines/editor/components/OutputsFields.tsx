import React from 'react';

import type { JSONValue } from '../../../api';
import { Check } from '../../../shared/components/Check';
import { isMapping } from '../edits';
import {
  asText,
  ChoiceField,
  idOf,
  MemberField,
  Part,
  problemAt
} from './fields';

/** The files of steps that the pipeline publishes when it succeeds. */
export function OutputsFields(props: {
  part: Part;
  outputs: JSONValue | undefined;
  /** The steps that leave files. */
  steps: readonly string[];
}): JSX.Element {
  const { part, steps } = props;
  const { trans } = part;
  const outputs = Array.isArray(props.outputs) ? props.outputs : [];
  const own = part.problems.filter(
    ({ path }) => path.length <= 2 && path[0] === 'outputs'
  );
  return (
    <fieldset className="dl-Group">
      <legend>{trans.__('Outputs')}</legend>
      {own.map(({ message }) => (
        <p key={message} className="dl-Field-problem" role="alert">
          {message}
        </p>
      ))}
      {outputs.map((output, at) => (
        <OutputPart
          key={at}
          part={part}
          at={at}
          value={isMapping(output) ? output : {}}
          steps={steps}
          onLeaveOut={() =>
            part.set(
              outputs.length > 1 ? ['outputs', at] : ['outputs'],
              undefined
            )
          }
        />
      ))}
      {steps.length > 0 ? (
        <button
          type="button"
          className="dl-Button"
          disabled={part.disabled}
          onClick={() =>
            part.set(['outputs', outputs.length], {
              step: steps[steps.length - 1],
              path: 'reports/{nominal}.html',
              from: 'report'
            })
          }
        >
          {trans.__('Add an output')}
        </button>
      ) : (
        <p className="dl-mod-quiet">
          {trans.__('Steps leave the files that a pipeline publishes.')}
        </p>
      )}
    </fieldset>
  );
}

function OutputPart(props: {
  part: Part;
  at: number;
  value: { [name: string]: JSONValue };
  steps: readonly string[];
  onLeaveOut: () => void;
}): JSX.Element {
  const { part, at, value, steps } = props;
  const { trans } = part;
  const set = (name: string, member: JSONValue | undefined) =>
    part.set(['outputs', at, name], member);
  return (
    <div
      className="dl-FilesFrom"
      role="group"
      aria-label={trans.__('Output %1', asText(value.path))}
    >
      <ChoiceField
        id={idOf(part, 'outputs', at, 'step')}
        label={trans.__('From the step')}
        problem={problemAt(part, 'outputs', at, 'step')}
        value={asText(value.step)}
        options={steps.map(id => [id, id] as const)}
        disabled={part.disabled}
        onChoose={step => set('step', step)}
      />
      <MemberField
        part={part}
        path={['outputs', at, 'from']}
        value={value.from}
        label={trans.__('File that it leaves')}
        hint={trans.__('or report, notebook')}
        placeholder={trans.__('the same path')}
        isCode
      />
      <MemberField
        part={part}
        path={['outputs', at, 'path']}
        value={value.path}
        label={trans.__('Published as')}
        hint={trans.__('a path from the folder of the pipeline')}
        isCode
        required
      />
      <Check
        label={trans.__('May be missing')}
        checked={value.optional === true}
        disabled={part.disabled}
        onChange={checked => set('optional', checked || undefined)}
      />
      <Check
        label={trans.__('Overwrites files of others')}
        checked={value.overwrite === true}
        disabled={part.disabled}
        onChange={checked => set('overwrite', checked || undefined)}
      />
      <button
        type="button"
        className="dl-Button dl-mod-link"
        aria-label={trans.__('Leave out %1', asText(value.path))}
        disabled={part.disabled}
        onClick={props.onLeaveOut}
      >
        {trans.__('Leave out')}
      </button>
    </div>
  );
}
