import type { JSONValue } from '../../api';
import { isMapping } from './edits';

/** A value that an expression names: a parameter of the pipeline, or a value that an earlier step recorded. */
export type Reference =
  | { kind: 'parameter'; name: string }
  | { kind: 'value'; step: string; name: string };

export type Comparison = {
  left: Reference;
  operator: Operator;
  right: string | number | boolean;
};

export const OPERATORS = ['>', '>=', '==', '!=', '<=', '<'] as const;
export type Operator = (typeof OPERATORS)[number];

const NAME = '[A-Za-z_][A-Za-z0-9_]*';
const REFERENCE = `params\\.(${NAME})|steps\\.(${NAME})\\.values\\.(${NAME})`;
const WHOLE = new RegExp(`^\\s*(?:${REFERENCE})\\s*$`);
const COMPARISON = new RegExp(
  `^\\s*(${REFERENCE})\\s*(>=|<=|==|!=|>|<)\\s*(.+?)\\s*$`
);
const NUMBER = /^[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?$/;

/** Return the reference that an expression consists of, or null for any other expression. */
export function readReference(expression: string): Reference | null {
  const found = WHOLE.exec(expression);
  if (!found) {
    return null;
  }
  const [, parameter, step, name] = found;
  return parameter !== undefined
    ? { kind: 'parameter', name: parameter }
    : { kind: 'value', step, name };
}

export function writeReference(reference: Reference): string {
  return reference.kind === 'parameter'
    ? `params.${reference.name}`
    : `steps.${reference.step}.values.${reference.name}`;
}

/** Return the comparison that an expression consists of, or null for any other expression. */
export function readComparison(expression: string): Comparison | null {
  const found = COMPARISON.exec(expression);
  const left = found && readReference(found[1]);
  const right = found && readLiteral(found[6]);
  return left && right !== null
    ? { left, operator: found[5] as Operator, right }
    : null;
}

export function writeComparison({ left, operator, right }: Comparison): string {
  return `${writeReference(left)} ${operator} ${JSON.stringify(right)}`;
}

/** Return the value that a person means by what they typed: a number, true, false, or a text. */
export function typedLiteral(text: string): string | number | boolean {
  if (text === 'true' || text === 'false') {
    return text === 'true';
  }
  return NUMBER.test(text) ? Number(text) : text;
}

/** Return the expression of a value of `with`, or null for a value that stands for itself. */
export function expressionOf(given: JSONValue | undefined): string | null {
  return isMapping(given) &&
    typeof given.cel === 'string' &&
    Object.keys(given).length === 1
    ? given.cel
    : null;
}

function readLiteral(text: string): string | number | boolean | null {
  if (text === 'true' || text === 'false' || NUMBER.test(text)) {
    return typedLiteral(text);
  }
  const single = /^'([^'"\\]*)'$/.exec(text);
  if (single) {
    return single[1];
  }
  if (/^"(?:[^"\\]|\\.)*"$/.test(text)) {
    try {
      return JSON.parse(text) as string;
    } catch {
      return null;
    }
  }
  return null;
}
