import { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect } from '@jupyterlab/ui-components';
import React, { useEffect, useRef, useState } from 'react';

import type { JSONValue } from '../../../api';
import { Field, FieldProps } from '../../../shared/components/Field';
import type { EditorProblem } from '../document';
import type { Path } from '../yaml12';

/** The part of the file that a panel edits. */
export type Part = {
  /** A prefix for ids, which no other part on the page has. */
  id: string;
  path: Path;
  problems: readonly EditorProblem[];
  disabled: boolean;
  /** Set a member of the part; undefined takes it out. */
  set: (path: Path, value: JSONValue | undefined) => void;
  trans: TranslationBundle;
};

/** Return what is wrong with a member of a part, or with a place in it. */
export function problemAt(part: Part, ...path: Path): string | undefined {
  const whole = [...part.path, ...path];
  const found = part.problems
    .filter(problem => whole.every((step, at) => problem.path[at] === step))
    .map(problem => problem.message);
  return found.length ? [...new Set(found)].join(' ') : undefined;
}

export function idOf(part: Part, ...path: Path): string {
  return [part.id, ...path].join('-');
}

/** Return a number as one, and anything else as it is typed; undefined when nothing is. */
export function numberOrText(text: string): JSONValue | undefined {
  const plain = text.trim();
  return plain === ''
    ? undefined
    : /^-?\d+(\.\d+)?$/.test(plain)
      ? Number(plain)
      : plain;
}

/** Return a value as it is typed in a field. */
export function asText(value: JSONValue | undefined): string {
  return value === undefined || value === null
    ? ''
    : typeof value === 'object'
      ? JSON.stringify(value)
      : String(value);
}

type TypedProps = Omit<FieldProps, 'children'> & {
  value: string;
  /** Called with what is typed; with nothing only when the field is left, so that its place in the text stays. */
  onWrite: (text: string) => void;
  onLeave?: () => void;
  disabled?: boolean;
  placeholder?: string;
  list?: string;
  rows?: number;
  isCode?: boolean;
};

/** A field whose text is written into the file as it is typed. */
export function TypedField(props: TypedProps): JSX.Element {
  const { value, onWrite, disabled, placeholder, list, rows, ...field } = props;
  const [typed, setTyped] = useState<string | null>(null);
  const isOwnChange = useRef(false);
  useEffect(() => {
    // An undo, or somebody else who edits the file, wins over what is typed.
    if (!isOwnChange.current) {
      setTyped(null);
    }
    isOwnChange.current = false;
  }, [value]);
  const write = (text: string) => {
    isOwnChange.current = true;
    onWrite(text);
  };
  const common = {
    className: `jp-mod-styled${props.isCode ? ' dl-mod-code' : ''}`,
    value: typed ?? value,
    disabled,
    placeholder,
    spellCheck: props.isCode ? false : undefined,
    onChange: (
      event: React.ChangeEvent<HTMLInputElement | HTMLTextAreaElement>
    ) => {
      const text = event.target.value;
      setTyped(text);
      if (text.trim()) {
        write(text);
      }
    },
    onBlur: () => {
      if (typed !== null && !typed.trim()) {
        write('');
      }
      setTyped(null);
      isOwnChange.current = false;
      props.onLeave?.();
    }
  };
  return (
    <Field {...field}>
      {attributes =>
        rows ? (
          <textarea {...attributes} {...common} rows={rows} />
        ) : (
          <input {...attributes} {...common} type="text" list={list} />
        )
      }
    </Field>
  );
}

type MemberProps = {
  part: Part;
  path: Path;
  value: JSONValue | undefined;
  label: string;
  hint?: string;
  description?: string;
  placeholder?: string;
  rows?: number;
  isCode?: boolean;
  list?: string;
  action?: React.ReactNode;
  beside?: React.ReactNode;
  required?: boolean;
};

/** A member that is a text, or by `read` something else. */
export function MemberField(
  props: MemberProps & { read?: (text: string) => JSONValue | undefined }
): JSX.Element {
  const { part, path, value, read = text => text || undefined } = props;
  const { label, hint, description, placeholder, rows, isCode, list } = props;
  return (
    <TypedField
      id={idOf(part, ...path)}
      label={label}
      hint={hint}
      description={description}
      placeholder={placeholder}
      problem={problemAt(part, ...path)}
      required={props.required}
      action={props.action}
      beside={props.beside}
      rows={rows}
      isCode={isCode}
      list={list}
      disabled={part.disabled}
      value={asText(value)}
      onWrite={text => part.set(path, read(text))}
    />
  );
}

/** A member that is a list of texts, one on each line. */
export function LinesField(props: MemberProps): JSX.Element {
  const { part, path, value } = props;
  const lines = Array.isArray(value) ? value.map(asText) : [];
  return (
    <TypedField
      id={idOf(part, ...path)}
      label={props.label}
      hint={props.hint}
      description={props.description}
      placeholder={props.placeholder}
      problem={problemAt(part, ...path)}
      rows={Math.min(8, Math.max(2, lines.length))}
      isCode
      disabled={part.disabled}
      value={lines.join('\n')}
      onWrite={text => {
        const texts = text.split('\n').filter(line => line !== '');
        part.set(path, texts.length ? texts : undefined);
      }}
    />
  );
}

/** A choice among values. */
export function ChoiceField(props: {
  id: string;
  label: React.ReactNode;
  description?: string;
  problem?: string;
  value: string;
  options: readonly (readonly [string, string])[];
  disabled: boolean;
  onChoose: (value: string) => void;
  children?: React.ReactNode;
}): JSX.Element {
  const { value, options } = props;
  const isKnown = options.some(([option]) => option === value);
  return (
    <Field
      id={props.id}
      label={props.label}
      description={props.description}
      problem={props.problem}
    >
      {attributes => (
        <HTMLSelect
          {...attributes}
          value={value}
          disabled={props.disabled}
          onChange={event => props.onChoose(event.target.value)}
        >
          {!isKnown && <option value={value}>{value}</option>}
          {options.map(([option, label]) => (
            <option key={option} value={option}>
              {label}
            </option>
          ))}
          {props.children}
        </HTMLSelect>
      )}
    </Field>
  );
}
