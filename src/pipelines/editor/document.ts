import type { DocumentRegistry } from '@jupyterlab/docregistry';
import { TranslationBundle } from '@jupyterlab/translation';
import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import type {
  JSONValue,
  PipelineProblem,
  PipelineStep,
  StepKind
} from '../../api';
import { sameWhereEqual } from '../../shared/same';
import {
  difference,
  EditRefused,
  isEqual,
  isMapping,
  renameIn,
  setIn,
  swapIn,
  valueAt
} from './edits';
import * as expressions from './expressions';
import { freeStepId, stepIdOf } from './stepIds';
import { Path, pathAt, readYaml, YamlText } from './yaml12';

export { EditRefused } from './edits';

/** The time without a change after which the server checks the text, in milliseconds. */
const CHECK_AFTER = 400;

type Mapping = { [name: string]: JSONValue };

/** A step as the file has it, also where the file has mistakes. */
export type EditedStep = Pick<
  PipelineStep,
  | 'id'
  | 'title'
  | 'kind'
  | 'path'
  | 'command'
  | 'needs'
  | 'condition'
  | 'run_if'
  | 'for_each'
  | 'disabled'
> & {
  /** All members of the step. */
  value: Mapping;
};

/** Something wrong with the file. `path` is the place in it, such as `['steps', 'clean', 'needs']`. */
export type EditorProblem = PipelineProblem & { path: Path };

/** Return the problems of each step; those of none are under null. */
export function byStep(
  problems: readonly EditorProblem[]
): Map<string | null, EditorProblem[]> {
  const found = new Map<string | null, EditorProblem[]>();
  for (const problem of problems) {
    found.set(problem.step, [...(found.get(problem.step) ?? []), problem]);
  }
  return found;
}

export type NewStep = {
  id?: string;
  needs?: string[];
  title?: string;
} & (
  | { kind: 'notebook' | 'script'; path: string }
  | { kind: 'command'; command: string[] }
  | { kind: 'approval'; ask: string }
);

/** The pipeline as its text says. Each part stays the same object as long as nothing in it has changed. */
export type PipelineState = {
  /** The reason why the text cannot be read, with its place, or null. Nothing can be edited then. */
  unreadable: EditorProblem | null;
  /** The value of the file. */
  value: Mapping;
  steps: readonly EditedStep[];
  /** Each step with the steps that it needs. */
  edges: readonly { from: string; to: string }[];
  /** The parameters of the pipeline, by name, as the file has them. */
  parameters: { readonly [name: string]: Mapping };
  defaults: Mapping;
  title: string;
  /** The problems of the last check, in the order of the file. */
  problems: readonly EditorProblem[];
  /** True while the server has not checked the text as it is. */
  checking: boolean;
};

/** The part of Lab's shared text that is needed here. */
export type SharedText = Pick<
  DocumentRegistry.ICodeModel['sharedModel'],
  'getSource' | 'updateSource' | 'changed'
> & { undoManager?: { stopCapturing(): void } };

type Options = {
  text: SharedText;
  /** Find what is wrong with a text, as the server sees it. */
  check?: (content: string) => Promise<readonly PipelineProblem[]>;
  /** Tell whether the file must stay as it is. */
  isReadOnly?: () => boolean;
  /** Called when the check itself fails. */
  onCheckFailed?: (reason: unknown) => void;
  trans: TranslationBundle;
};

/**
 * The pipeline of a text that is open in Lab. The text is the only truth: this reads it, and each edit is one
 * change of the smallest part of it.
 *
 * Edits throw `EditRefused` with a sentence for people, and change nothing then.
 */
export class PipelineDocument implements IDisposable {
  constructor(private readonly _options: Options) {
    this._source = this._options.text.getSource();
    this._state = this._read(null);
    this._options.text.changed.connect(this._onTextChanged, this);
    this._checkLater();
  }

  /** A signal that `state` is another one. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get state(): PipelineState {
    return this._state;
  }

  get source(): string {
    return this._source;
  }

  get steps(): readonly EditedStep[] {
    return this._state.steps;
  }

  get edges(): PipelineState['edges'] {
    return this._state.edges;
  }

  get parameters(): PipelineState['parameters'] {
    return this._state.parameters;
  }

  get problems(): readonly EditorProblem[] {
    return this._state.problems;
  }

  /** The reason why nothing can be edited, or null. */
  get refusal(): string | null {
    return this._options.isReadOnly?.()
      ? this._readOnly
      : (this._state.unreadable?.message ?? null);
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  step(id: string): EditedStep | undefined {
    return this._state.steps.find(step => step.id === id);
  }

  /** Return the steps that come after a step: they need it, directly or through others. */
  after(id: string): Set<string> {
    return reached(
      id,
      this._state.edges.map(({ from, to }) => [from, to])
    );
  }

  /** Return the steps that come before a step: it needs them, directly or through others. */
  before(id: string): Set<string> {
    return reached(
      id,
      this._state.edges.map(({ from, to }) => [to, from])
    );
  }

  /** Tell whether `to` may need `from`: a step cannot wait for one that waits for it. */
  canConnect(from: string, to: string): boolean {
    return from !== to && !this.after(to).has(from);
  }

  /** Add a step behind the others. Return its id, which is made of its path when none is given. */
  addStep(step: NewStep): string {
    const taken = this._state.steps.map(({ id }) => id);
    const name = 'path' in step ? stepIdOf(step.path) : DEFAULT_IDS[step.kind];
    const id = freeStepId(step.id ?? name, taken);
    const value: Mapping = {};
    if (step.kind === 'notebook' || step.kind === 'script') {
      value[step.kind] = step.path;
    } else if (step.kind === 'command') {
      value.command = step.command;
    } else if (step.kind === 'approval') {
      value.approve = { ask: step.ask };
    }
    if (step.title) {
      value.title = step.title;
    }
    if (step.needs?.length) {
      value.needs = step.needs;
    }
    this.batch(() => {
      this.edit(text => setIn(text, ['steps', id], value));
      if (this._valueAt(['version']) === undefined) {
        this.edit(text => setIn(text, ['version'], 1));
      }
    });
    return id;
  }

  /** Take a step out with its outputs; other steps no longer need it, and get no files of it. */
  removeStep(id: string): void {
    this.batch(() => {
      for (const step of this._steps()) {
        if (step.id !== id) {
          this._forget(step, id);
        }
      }
      this._removeOutputs(id);
      this.edit(text => setIn(text, ['steps', id], undefined));
    });
  }

  /** Give a step another id, also where others need it, get its files, or name it in an expression, and in outputs. */
  renameStep(id: string, name: string): void {
    if (id === name) {
      return;
    }
    if (this.step(name)) {
      throw this._refused(
        this._trans.__('There is a step `%1` already.', name)
      );
    }
    this.batch(() => {
      this._changeSteps(value =>
        withExpressions(withOtherId(value, id, name), expression =>
          expressions.renameIn(expression, 'steps', id, name)
        )
      );
      this._outputs().forEach(({ step }, at) => {
        if (step === id) {
          this.edit(text => setIn(text, ['outputs', at, 'step'], name));
        }
      });
      this.edit(text => renameIn(text, ['steps', id], name));
    });
  }

  /** Move a step one place up (-1) or down (1) in the order of the file. */
  moveStep(id: string, by: -1 | 1): void {
    const at = this._steps().findIndex(step => step.id === id);
    const first = Math.min(at, at + by);
    if (at < 0 || first < 0 || first + 1 >= this._state.steps.length) {
      return;
    }
    this.edit(text => swapIn(text, ['steps'], first));
  }

  /** Let `to` need `from`. */
  connect(from: string, to: string): void {
    const step = this._stepOrRefuse(to);
    this._stepOrRefuse(from);
    if (step.needs.includes(from)) {
      return;
    }
    if (!this.canConnect(from, to)) {
      throw this._refused(
        this._trans.__(
          '`%1` cannot need `%2`, because `%2` waits for `%1` already.',
          to,
          from
        )
      );
    }
    this.set(to, ['needs'], [...step.needs, from]);
  }

  /** Let `to` no longer need `from`, nor get files of it. */
  disconnect(from: string, to: string): void {
    this.batch(() => this._forget(this._stepOrRefuse(to), from));
  }

  /** Set a member of a step, such as `['with', 'month']`; undefined takes it out. */
  set(id: string, path: Path, value: JSONValue | undefined): void {
    this._stepOrRefuse(id);
    this.setAt(['steps', id, ...path], value);
  }

  /** Set a member of a parameter of the pipeline, such as `['type']`. An empty path is the parameter itself. */
  setParameter(name: string, path: Path, value: JSONValue | undefined): void {
    this.setAt(['parameters', name, ...path], value);
  }

  /** Give a parameter of the pipeline another name, also in expressions and in the paths of outputs. */
  renameParameter(old: string, name: string): void {
    if (name in this._state.parameters) {
      throw this._refused(
        this._trans.__('There is a parameter `%1` already.', name)
      );
    }
    this.batch(() => {
      this._changeSteps(value =>
        withExpressions(value, expression =>
          expressions.renameIn(expression, 'params', old, name)
        )
      );
      this._outputs().forEach(({ path }, at) => {
        if (typeof path === 'string' && path.includes(`{${old}}`)) {
          const renamed = path.split(`{${old}}`).join(`{${name}}`);
          this.edit(text => setIn(text, ['outputs', at, 'path'], renamed));
        }
      });
      this.edit(text => renameIn(text, ['parameters', old], name));
    });
  }

  /** Set a default for all steps. */
  setDefault(path: Path, value: JSONValue | undefined): void {
    this.setAt(['defaults', ...path], value);
  }

  /** Set a member of the file. */
  setAt(path: Path, value: JSONValue | undefined): void {
    this.edit(text => setIn(text, path, value), path.join('\n'));
  }

  /** Change the text. `member` names what is edited: edits of one member that follow one another are undone together. */
  edit(change: (text: string) => string, member?: string): void {
    if (this._options.isReadOnly?.()) {
      throw this._refused(this._readOnly);
    }
    const before = this._draft ?? this._source;
    const after = this._said(() => change(before));
    if (this._draft !== null) {
      this._draft = after;
      this._state = { ...this._state, ...contentOf(readYaml(after)) };
      return;
    }
    this._write(after, member ?? null);
  }

  /** Make several edits one change of the text, which is undone at once. */
  batch(act: () => void): void {
    if (this._draft !== null) {
      act();
      return;
    }
    this._draft = this._source;
    const before = this._state;
    let after = this._source;
    try {
      act();
      after = this._draft;
    } finally {
      this._draft = null;
      this._state = before;
    }
    this._write(after, null);
  }

  /** Check the text now. */
  async check(): Promise<void> {
    clearTimeout(this._timer);
    const { check, onCheckFailed } = this._options;
    if (!check || this._isDisposed) {
      return;
    }
    const asked = ++this._asked;
    const source = this._source;
    try {
      const problems = await check(source);
      if (asked === this._asked && !this._isDisposed) {
        this._setState({
          ...this._state,
          problems: sameWhereEqual(
            this._state.problems,
            located(readYaml(source), problems)
          ),
          checking: false
        });
      }
    } catch (reason) {
      if (asked === this._asked && !this._isDisposed) {
        this._setState({ ...this._state, checking: false });
        onCheckFailed?.(reason);
      }
    }
  }

  dispose(): void {
    this._isDisposed = true;
    clearTimeout(this._timer);
    Signal.clearData(this);
  }

  /** Make an edit; say in the language of the person why it is refused. */
  private _said(edit: () => string): string {
    try {
      return edit();
    } catch (reason) {
      throw reason instanceof EditRefused
        ? this._refused(reason.say(this._trans))
        : reason;
    }
  }

  private _refused(message: string): EditRefused {
    return new EditRefused(() => message);
  }

  private get _trans(): TranslationBundle {
    return this._options.trans;
  }

  private get _readOnly(): string {
    return this._trans.__(
      'This file is read-only. Save it under another name, and change that.'
    );
  }

  private _write(after: string, member: string | null): void {
    const { text } = this._options;
    const { start, end, text: written } = difference(this._source, after);
    if (start === end && !written) {
      return;
    }
    if (member === null || member !== this._lastMember) {
      text.undoManager?.stopCapturing();
    }
    this._lastMember = member;
    this._isWriting = true;
    try {
      text.updateSource(start, end, written);
    } finally {
      this._isWriting = false;
    }
  }

  private _onTextChanged(): void {
    const source = this._options.text.getSource();
    if (source === this._source) {
      return;
    }
    this._source = source;
    if (!this._isWriting) {
      this._lastMember = null;
    }
    this._readAgain();
    this._checkLater();
  }

  private _readAgain(): void {
    this._setState(this._read(this._state));
  }

  private _read(before: PipelineState | null): PipelineState {
    const read = readYaml(this._source);
    const { problem } = read;
    const checking = this._options.check !== undefined;
    return {
      ...sameWhereEqual(before, contentOf(read)),
      unreadable: problem && {
        ...problem,
        message: sentence(problem.message),
        step: null,
        path: []
      },
      problems: before?.problems ?? [],
      checking
    };
  }

  private _setState(state: PipelineState): void {
    this._state = state;
    this._changed.emit();
  }

  private _checkLater(): void {
    clearTimeout(this._timer);
    // An answer for an older text is no longer of use.
    this._asked++;
    if (this._options.check) {
      this._timer = setTimeout(() => void this.check(), CHECK_AFTER);
    }
  }

  private _changeSteps(change: (value: Mapping) => Mapping): void {
    for (const { id, value } of this._steps()) {
      const changed = change(value);
      if (!isEqual(changed, value)) {
        this.edit(text => setIn(text, ['steps', id], changed));
      }
    }
  }

  private _steps(): readonly EditedStep[] {
    return this._state.steps;
  }

  /** Return the outputs of the pipeline; a mistake is an output without members. */
  private _outputs(): readonly Mapping[] {
    const outputs = this._valueAt(['outputs']);
    return Array.isArray(outputs)
      ? outputs.map(output => (isMapping(output) ? output : {}))
      : [];
  }

  private _removeOutputs(id: string): void {
    const isIts = this._outputs().map(({ step }) => step === id);
    if (isIts.length && isIts.every(Boolean)) {
      this.edit(text => setIn(text, ['outputs'], undefined));
      return;
    }
    for (let at = isIts.length - 1; at >= 0; at--) {
      if (isIts[at]) {
        this.edit(text => setIn(text, ['outputs', at], undefined));
      }
    }
  }

  private _valueAt(path: Path): JSONValue | undefined {
    return valueAt(this._state.value, path);
  }

  private _stepOrRefuse(id: string): EditedStep {
    const step = this.step(id);
    if (!step) {
      throw this._refused(
        this._trans.__('There is no step `%1` any more.', id)
      );
    }
    return step;
  }

  /** Let a step neither need another one nor get files of it. */
  private _forget(step: EditedStep, other: string): void {
    const { needs, files } = step.value;
    const forget = (
      member: string,
      list: JSONValue | undefined,
      isIt: (item: JSONValue) => boolean
    ) => {
      const kept = Array.isArray(list) ? list.filter(item => !isIt(item)) : [];
      if (Array.isArray(list) && kept.length < list.length) {
        const left = kept.length ? kept : undefined;
        this.edit(text => setIn(text, ['steps', step.id, member], left));
      }
    };
    forget('needs', needs, need => need === other);
    forget('files', files, file => isMapping(file) && file.from === other);
  }

  private readonly _changed = new Signal<this, void>(this);
  private _source: string;
  private _state: PipelineState;
  private _draft: string | null = null;
  private _lastMember: string | null = null;
  private _isWriting = false;
  private _isDisposed = false;
  private _asked = 0;
  private _timer: ReturnType<typeof setTimeout> | undefined;
}

/** Return all that can be reached from a step along the arrows. */
function reached(
  start: string,
  arrows: readonly (readonly [string, string])[]
): Set<string> {
  const next = new Map<string, string[]>();
  for (const [from, to] of arrows) {
    next.set(from, [...(next.get(from) ?? []), to]);
  }
  const found = new Set(next.get(start));
  for (const id of found) {
    next.get(id)?.forEach(other => found.add(other));
  }
  return found;
}

const DEFAULT_IDS = { command: 'command', approval: 'approve' };

const KINDS: [string, StepKind][] = [
  ['notebook', 'notebook'],
  ['script', 'script'],
  ['command', 'command'],
  ['approve', 'approval']
];

function contentOf(
  read: YamlText
): Omit<PipelineState, 'unreadable' | 'problems' | 'checking'> {
  const value = isMapping(read.value) ? read.value : {};
  const steps = Object.entries(mapping(value.steps)).map(([id, member]) =>
    stepOf(id, mapping(member))
  );
  const parameters = Object.fromEntries(
    Object.entries(mapping(value.parameters)).map(([name, parameter]) => [
      name,
      mapping(parameter)
    ])
  );
  const ids = new Set(steps.map(({ id }) => id));
  return {
    value,
    steps,
    edges: steps.flatMap(step =>
      step.needs
        .filter(need => ids.has(need))
        .map(from => ({ from, to: step.id }))
    ),
    parameters,
    defaults: mapping(value.defaults),
    title: text(value.title)
  };
}

function stepOf(id: string, value: Mapping): EditedStep {
  const kind = KINDS.find(([name]) => name in value)?.[1] ?? 'command';
  const condition = value.if;
  return {
    id,
    title: text(value.title),
    kind,
    path: text(value.notebook) || text(value.script) || null,
    command: texts(value.command),
    needs: texts(value.needs),
    condition:
      condition === undefined || condition === null ? null : String(condition),
    run_if: (text(value.run_if) || 'all_success') as EditedStep['run_if'],
    for_each: isMapping(value.for_each),
    disabled: value.disabled === true,
    value
  };
}

function located(
  read: YamlText,
  problems: readonly PipelineProblem[]
): EditorProblem[] {
  return problems.map(problem => ({ ...problem, path: pathAt(read, problem) }));
}

/** Return the members of a step, in which needs and files have another id of a step. */
function withOtherId(value: Mapping, old: string, name: string): Mapping {
  const renamed: Mapping = { ...value };
  if (Array.isArray(value.needs)) {
    renamed.needs = value.needs.map(need => (need === old ? name : need));
  }
  if (Array.isArray(value.files)) {
    renamed.files = value.files.map(file =>
      isMapping(file) && file.from === old ? { ...file, from: name } : file
    );
  }
  return renamed;
}

/** Return the members of a step, each expression of them changed. */
function withExpressions(
  value: Mapping,
  change: (expression: string) => string
): Mapping {
  const inReference = (given: JSONValue): JSONValue =>
    isMapping(given) && typeof given.cel === 'string'
      ? { ...given, cel: change(given.cel) }
      : given;
  const inMembers = (members: Mapping): Mapping =>
    Object.fromEntries(
      Object.entries(members).map(([name, given]) => [name, inReference(given)])
    );
  const changed: Mapping = { ...value };
  if (typeof value.if === 'string') {
    changed.if = change(value.if);
  }
  if (isMapping(value.for_each)) {
    const { key } = value.for_each;
    changed.for_each = inMembers(value.for_each);
    if (typeof key === 'string') {
      changed.for_each.key = change(key);
    }
  }
  for (const name of ['with', 'env']) {
    const members = value[name];
    if (isMapping(members)) {
      changed[name] = inMembers(members);
    }
  }
  return changed;
}

function sentence(clause: string): string {
  const text = clause[0].toUpperCase() + clause.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

function mapping(value: JSONValue | undefined): Mapping {
  return isMapping(value) ? value : {};
}

function text(value: JSONValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

function texts(value: JSONValue | undefined): string[] {
  return Array.isArray(value)
    ? value.filter((item): item is string => typeof item === 'string')
    : [];
}
