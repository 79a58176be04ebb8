import { Debouncer } from '@lumino/polling';
import { ISignal, Signal } from '@lumino/signaling';
import { TranslationBundle } from '@jupyterlab/translation';

import {
  Client,
  JSONValue,
  Parameter,
  Problem,
  RepairPreview,
  RepairRequest,
  Run
} from '../api';
import { Draft, draftOf, readDraft } from '../jobs/drafts';

const TYPING_MS = 400;

/** The choice of a person. Steps are empty for none; `only` excludes the other two. */
export type RepairChoice = {
  /** True for the files as they are now, false for the version of the run. */
  newer: boolean;
  /** The step to start from, the last one, and the only one. */
  from: string;
  until: string;
  only: string;
  /** The fields of the parameters, by name. */
  drafts: { [name: string]: Draft };
};

export type RepairState = RepairChoice & {
  /** Why a parameter has no value, by name. */
  problems: { [name: string]: string };
  /** The preview of this repair; null while it is made, and when it is refused. */
  preview: RepairPreview | null;
  /** The reason why there is no preview. */
  trouble: unknown;
};

/** The choice of what a repair runs again, with a preview that follows it. */
export class RepairModel {
  constructor(
    private readonly _client: Client,
    run: Pick<Run, 'id' | 'parameters' | 'parameter_schema'>,
    private readonly _trans: TranslationBundle
  ) {
    this.run = run.id;
    this.parameters = run.parameter_schema;
    this._before = run.parameters;
    this._initial = Object.fromEntries(
      this.parameters.map(parameter => [
        parameter.name,
        draftOf(parameter, run.parameters[parameter.name] ?? parameter.default)
      ])
    );
    this._state = {
      newer: false,
      from: '',
      until: '',
      only: '',
      drafts: this._initial,
      problems: {},
      preview: null,
      trouble: null
    };
  }

  readonly run: string;
  readonly parameters: readonly Parameter[];

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get state(): RepairState {
    return this._state;
  }

  get request(): RepairRequest {
    const { newer, from, until, only } = this._state;
    return {
      newer,
      start_from: from ? [from] : [],
      until: until || null,
      only: only || null,
      parameters: this._values()
    };
  }

  /** Change the choice and read its preview. An answer to an earlier choice is dropped. */
  async choose(change: Partial<RepairChoice>): Promise<void> {
    if (change.only) {
      change = { ...change, from: '', until: '' };
    }
    this._set({ ...this._state, ...change, preview: null, trouble: null });
    await this._ask();
  }

  /** Change the field of a parameter. The preview follows when nothing is typed for a moment. */
  edit(name: string, draft: Draft): void {
    const drafts = { ...this._state.drafts, [name]: draft };
    this._set({ ...this._state, drafts, preview: null, trouble: null });
    void this._typing.invoke();
  }

  dispose(): void {
    this._typing.dispose();
  }

  private async _ask(): Promise<void> {
    const asked = ++this._asked;
    const problems = this._problems();
    this._set({ ...this._state, problems });
    if (Object.keys(problems).length) {
      return;
    }
    let answer: Partial<RepairState>;
    try {
      answer = {
        preview: await this._client.pipelines.previewRepair(
          this.run,
          this.request
        )
      };
    } catch (reason) {
      answer = { trouble: reason };
    }
    if (asked === this._asked) {
      this._set({ ...this._state, ...answer });
    }
  }

  /** Return all parameters of the repair; null when none differs from those of the run. */
  private _values(): { [name: string]: JSONValue } | null {
    const edited = this.parameters.filter(({ name }) => this._isEdited(name));
    if (!edited.length) {
      return null;
    }
    const values = { ...this._before } as { [name: string]: JSONValue };
    for (const parameter of edited) {
      const reading = this._read(parameter);
      if ('value' in reading) {
        values[parameter.name] = reading.value;
      }
    }
    return values;
  }

  private _problems(): { [name: string]: string } {
    const problems: { [name: string]: string } = {};
    for (const parameter of this.parameters) {
      const reading = this._read(parameter);
      if (this._isEdited(parameter.name) && 'problem' in reading) {
        problems[parameter.name] = reading.problem;
      }
    }
    return problems;
  }

  private _read(parameter: Parameter) {
    return readDraft(
      parameter,
      this._state.drafts[parameter.name],
      this._trans
    );
  }

  private _isEdited(name: string): boolean {
    const [before, now] = [this._initial[name], this._state.drafts[name]];
    return before.text !== now.text || before.isNone !== now.isNone;
  }

  private _set(state: RepairState): void {
    this._state = state;
    this._changed.emit();
  }

  private _asked = 0;
  private _typing = new Debouncer(() => this._ask(), TYPING_MS);
  private _changed = new Signal<this, void>(this);
  private _initial: { [name: string]: Draft };
  private _before: Run['parameters'];
  private _state: RepairState;
}

/** Return the sentence that says why there is no preview. */
export function sentenceOf(trouble: unknown): string {
  return (trouble as Problem | Error).message;
}
