import React from 'react';

import type { JSONValue } from '../../../api';
import { Check } from '../../../shared/components/Check';
import { isMapping } from '../edits';
import { expressionOf } from '../references';
import { asText, MemberField, numberOrText, Part } from './fields';

/** The name of an item for which the file says none. */
const ITEM = 'item';
const EXAMPLE = 'params.regions';

/** The list of a step that runs once for each item of it. */
export function FanOutFields(props: {
  part: Part;
  value: JSONValue | undefined;
}): JSX.Element {
  const { part } = props;
  const { trans } = part;
  const value = isMapping(props.value) ? props.value : null;
  return (
    <>
      <Check
        label={trans.__('Run once for each item of a list')}
        checked={value !== null}
        disabled={part.disabled}
        onChange={checked =>
          part.set(
            ['for_each'],
            checked ? { inputs: ['first', 'second'] } : undefined
          )
        }
      />
      {value && (
        <div className="dl-Fields">
          <MemberField
            part={part}
            path={['for_each', 'inputs']}
            value={listAsText(value.inputs)}
            read={listOf}
            label={trans.__('List')}
            hint={trans.__('in JSON, or an expression')}
            placeholder={EXAMPLE}
            isCode
            required
          />
          <MemberField
            part={part}
            path={['for_each', 'item']}
            value={value.item}
            label={trans.__('Name of the item')}
            placeholder={ITEM}
          />
          <MemberField
            part={part}
            path={['for_each', 'key']}
            value={value.key}
            label={trans.__('Key')}
            hint={trans.__('expression')}
            placeholder={`${asText(value.item) || ITEM}.name`}
            isCode
          />
          <MemberField
            part={part}
            path={['for_each', 'concurrency']}
            value={value.concurrency}
            read={numberOrText}
            label={trans.__('Active at once')}
          />
          <MemberField
            part={part}
            path={['for_each', 'max_failures']}
            value={value.max_failures}
            read={numberOrText}
            label={trans.__('Failures that are tolerated')}
            hint={trans.__('3 or 5%')}
          />
        </div>
      )}
    </>
  );
}

function listAsText(inputs: JSONValue | undefined): string {
  return expressionOf(inputs) ?? asText(inputs);
}

/** Return the list that a text is, else the expression. */
function listOf(text: string): JSONValue | undefined {
  if (!text.trim()) {
    return undefined;
  }
  try {
    const value = JSON.parse(text) as JSONValue;
    if (Array.isArray(value)) {
      return value;
    }
  } catch {
    // It is an expression.
  }
  return { cel: text };
}
