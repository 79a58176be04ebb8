import { Clipboard } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { copyIcon, HTMLSelect } from '@jupyterlab/ui-components';
import React, { useState } from 'react';

import type { KernelPlace, Reproduction } from '../../api';
import { Check } from '../../shared/components/Check';
import { Field } from '../../shared/components/Field';
import { Message } from '../../shared/components/Message';
import { formatBytes } from '../../shared/format';

/** How to open a reproduction: the place of its kernel, and whether the cells above the failing one run. */
export type Choice = { place: KernelPlace; runAbove: boolean };

/** The form that tells what a reproduction has and lacks, and asks how to open it. */
export function ReproductionForm(props: {
  reproduction: Reproduction;
  initial: Choice;
  onChange: (choice: Choice) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { reproduction, trans } = props;
  const { cell, image, kernel, missing, secrets } = reproduction;
  const [choice, setChoice] = useState(props.initial);
  const change = (changed: Partial<Choice>) => {
    const next = { ...choice, ...changed };
    setChoice(next);
    props.onChange(next);
  };
  const isNotebook = reproduction.kind === 'notebook';
  const variables = Object.keys(reproduction.variables);
  return (
    <div className="dl-ReproductionForm">
      <p>
        {reproduction.created
          ? trans.__('The files of the run are in')
          : trans.__('The files of the run are still in')}{' '}
        <code>{reproduction.folder}</code>{' '}
        <span className="dl-mod-quiet">({formatBytes(reproduction.size)})</span>
      </p>
      {missing.length > 0 && (
        <Message kind="warning" title={trans.__('Some of it is missing.')}>
          <ul>
            {missing.map(({ name, reason }) => (
              <li key={name}>
                <code>{name}</code> {reason}
              </li>
            ))}
          </ul>
        </Message>
      )}
      {reproduction.left_out.length > 0 && (
        <Message
          kind="warning"
          title={trans.__(
            'Only those who may run in %1 get these variables and secrets:',
            reproduction.environment
          )}
        >
          <Names names={reproduction.left_out} />
        </Message>
      )}
      {isNotebook && image !== null && (
        <Field id="dl-reproduction-kernel" label={trans.__('Kernel')}>
          {attributes => (
            <HTMLSelect
              {...attributes}
              value={choice.place}
              onChange={event =>
                change({ place: event.target.value as KernelPlace })
              }
            >
              <option value="image">
                {trans.__('%1 in the image of the run, %2', kernel, image)}
              </option>
              <option value="local">
                {trans.__('%1 on this machine', kernel)}
              </option>
            </HTMLSelect>
          )}
        </Field>
      )}
      {isNotebook && cell !== null && cell > 0 && (
        <Check
          label={trans.__('Run the cells above the one that failed')}
          checked={choice.runAbove}
          disabled={false}
          onChange={runAbove => change({ runAbove })}
        />
      )}
      {isNotebook ? (
        <>
          <Given
            label={trans.__('Variables of the kernel')}
            names={variables}
          />
          <Given label={trans.__('Secrets of the kernel')} names={secrets} />
        </>
      ) : (
        <Command text={reproduction.command} trans={trans} />
      )}
    </div>
  );
}

/** The names of variables that the kernel gets. */
function Given(props: {
  label: string;
  names: readonly string[];
}): JSX.Element | null {
  return props.names.length === 0 ? null : (
    <p className="dl-mod-quiet">
      {props.label}: <Names names={props.names} />
    </p>
  );
}

function Names({ names }: { names: readonly string[] }): JSX.Element {
  return (
    <>
      {names.map((name, index) => (
        <React.Fragment key={name}>
          {index > 0 && ', '}
          <code>{name}</code>
        </React.Fragment>
      ))}
    </>
  );
}

/** The lines that do in a terminal what the run did. */
function Command(props: {
  text: string;
  trans: TranslationBundle;
}): JSX.Element {
  const { text, trans } = props;
  return (
    <>
      <p>{trans.__('In a terminal, these lines do what the run did:')}</p>
      <pre className="dl-ReproductionForm-command" tabIndex={0}>
        {text}
      </pre>
      <p>
        <button
          type="button"
          className="dl-Button"
          onClick={() => Clipboard.copyToSystem(text)}
        >
          <copyIcon.react tag="span" aria-hidden />
          {trans.__('Copy')}
        </button>
      </p>
    </>
  );
}
