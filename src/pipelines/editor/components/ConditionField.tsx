import { HTMLSelect } from '@jupyterlab/ui-components';
import React, { useState } from 'react';

import {
  Comparison,
  Operator,
  OPERATORS,
  readComparison,
  typedLiteral,
  writeComparison
} from '../references';
import {
  asText,
  ChoiceField,
  idOf,
  MemberField,
  Part,
  problemAt,
  TypedField
} from './fields';
import { Available, ReferenceSelect } from './ReferenceField';
import { Field } from '../../../shared/components/Field';

const EXAMPLE = 'steps.check.values.rows > 0';

type Mode = 'none' | 'comparison' | 'expression';

/** The condition of a step: none, a comparison that is chosen, or an expression that is typed. */
export function ConditionField(props: {
  part: Part;
  condition: string | null;
  available: Available;
}): JSX.Element {
  const { part, condition, available } = props;
  const { trans } = part;
  const comparison = condition === null ? null : readComparison(condition);
  const [chosen, setChosen] = useState<Mode | null>(null);
  const mode: Mode =
    chosen ??
    (condition === null ? 'none' : comparison ? 'comparison' : 'expression');
  const write = (text: string) => part.set(['if'], text || undefined);
  const choose = (next: Mode) => {
    setChosen(next === 'none' ? null : next);
    if (next === 'none') {
      part.set(['if'], undefined);
    }
  };
  return (
    <>
      <ChoiceField
        id={idOf(part, 'condition')}
        label={trans.__('Condition')}
        description={trans.__('The step is skipped when it does not hold.')}
        value={mode}
        options={[
          ['none', trans.__('none')],
          ['comparison', trans.__('compare a value')],
          ['expression', trans.__('an expression')]
        ]}
        disabled={part.disabled}
        onChoose={next => choose(next as Mode)}
      />
      {mode === 'comparison' && (
        <ComparisonField
          part={part}
          comparison={comparison}
          available={available}
          onWrite={next => write(writeComparison(next))}
        />
      )}
      {mode === 'expression' && (
        <MemberField
          part={part}
          path={['if']}
          value={condition}
          label={trans.__('Expression')}
          hint="CEL"
          placeholder={EXAMPLE}
          rows={2}
          isCode
        />
      )}
    </>
  );
}

function ComparisonField(props: {
  part: Part;
  comparison: Comparison | null;
  available: Available;
  onWrite: (comparison: Comparison) => void;
}): JSX.Element {
  const { part, comparison, available, onWrite } = props;
  const { trans } = part;
  const [draft, setDraft] = useState<Partial<Comparison>>({});
  const current: Partial<Comparison> = { ...draft, ...comparison };
  const change = (members: Partial<Comparison>) => {
    const next = {
      operator: '>' as Operator,
      right: 0,
      ...current,
      ...members
    };
    setDraft(next);
    if (next.left) {
      onWrite(next as Comparison);
    }
  };
  const labels: { [operator in Operator]: string } = {
    '>': trans.__('is more than'),
    '>=': trans.__('is at least'),
    '==': trans.__('equals'),
    '!=': trans.__('differs from'),
    '<=': trans.__('is at most'),
    '<': trans.__('is less than')
  };
  return (
    <>
      <Field
        id={idOf(part, 'if')}
        label={trans.__('Value')}
        problem={problemAt(part, 'if')}
      >
        {attributes => (
          <ReferenceSelect
            attributes={attributes}
            value={current.left ?? null}
            available={available}
            disabled={part.disabled}
            onChoose={left => change({ left })}
            trans={trans}
          />
        )}
      </Field>
      <TypedField
        id={idOf(part, 'compared')}
        label={
          <HTMLSelect
            aria-label={trans.__('Comparison')}
            value={current.operator ?? '>'}
            disabled={part.disabled}
            onChange={event =>
              change({ operator: event.target.value as Operator })
            }
          >
            {OPERATORS.map(operator => (
              <option key={operator} value={operator}>
                {labels[operator]}
              </option>
            ))}
          </HTMLSelect>
        }
        value={asText(current.right ?? 0)}
        disabled={part.disabled}
        onWrite={text => text && change({ right: typedLiteral(text) })}
      />
    </>
  );
}
