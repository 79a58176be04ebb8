import { TranslationBundle } from '@jupyterlab/translation';
import { Message } from '@lumino/messaging';
import React, { useState } from 'react';

import type { Choice, PipelineProblem, Run, Submission } from '../api';
import { TellFields } from '../notifications/components/TellFields';
import { runAsJobIcon } from '../shared/icons';
import { Screen } from '../shared/screen';
import { useSignal } from '../shared/signals';
import { RunForm } from './components/RunForm';
import { RunFormModel } from './model';

type Options = {
  model: RunFormModel;
  /** Called with the new run. */
  onSubmitted: (run: Run) => void;
  /** Called with the new run when the person has said what to tell them of its job. */
  onTell: (run: Run, choice: Choice) => void;
  onNotifications: () => void;
  /** Called with what a schedule of the file takes over; null for a version, which has no file. */
  onSchedule: ((submission: Omit<Submission, 'path'>) => void) | null;
  /** Called with the problem whose place in the pipeline's file a person wants to see. */
  onShowProblem: (problem: PipelineProblem) => void;
  trans: TranslationBundle;
};

/** The screen with the form for a run, beside its notebook, script or pipeline. */
export class RunFormWidget extends Screen {
  constructor(private readonly _options: Options) {
    super(
      _options.trans.__('Run %1', _options.model.target.title),
      runAsJobIcon
    );
    const { model } = _options;
    this.title.caption = this.title.label;
    this.addClass('dl-RunFormPanel');
    model.changed.connect(this._onChanged, this);
    void model.load();
  }

  get model(): RunFormModel {
    return this._options.model;
  }

  dispose(): void {
    this.model.dispose();
    super.dispose();
  }

  /** Focus the button, so that Enter runs the notebook; the screen itself until the notebook has been read. */
  protected onActivateRequest(msg: Message): void {
    (this._button ?? this.node).focus({ preventScroll: true });
  }

  private _onChanged(): void {
    if (document.activeElement === this.node) {
      requestAnimationFrame(() => this._button?.focus({ preventScroll: true }));
    }
  }

  private get _button(): HTMLElement | null {
    return this.node.querySelector('button[type=submit]:enabled');
  }

  protected render(): JSX.Element {
    return <Connected {...this._options} />;
  }
}

function Connected(props: Options): JSX.Element {
  const { model, trans } = props;
  const state = useSignal(model.changed, () => model.state);
  const [choice, setChoice] = useState<Choice | null>(null);
  const submit = async () => {
    const run = await model.submit();
    if (run) {
      if (choice) {
        props.onTell(run, choice);
      }
      props.onSubmitted(run);
    }
  };
  const schedule = async () => {
    const submission = await model.readForSchedule();
    if (submission) {
      props.onSchedule?.(submission);
    }
  };
  return (
    <RunForm
      state={state}
      title={model.target.title}
      kind={model.target.kind}
      rerunOf={model.target.rerunOf}
      maySweep={model.maySweep}
      tell={
        <TellFields
          choice={choice}
          disabled={state.submitting}
          onChange={setChoice}
          onSettings={props.onNotifications}
          trans={trans}
        />
      }
      publishes={model.publishes}
      onDraft={(name, draft) => model.setDraft(name, draft)}
      onLeave={name => model.check(name)}
      onName={name => model.setName(name)}
      onKernel={kernel => void model.setKernel(kernel)}
      onPlace={change => void model.setPlace(change)}
      onSettings={change => model.setSettings(change)}
      onReuse={reuse => model.setReuse(reuse)}
      onSweep={change => model.setSweep(change)}
      onOutputs={change => model.setOutputs(change)}
      onTakeAlong={file => void model.takeAlong(file)}
      onSameJob={job => void model.setSameJob(job)}
      onNewJob={() => model.setNewJob()}
      onPin={(file, pinned) => void model.pin(file, pinned)}
      onShowProblem={props.onShowProblem}
      onReload={() => void model.load()}
      onSubmit={() => void submit()}
      onSchedule={props.onSchedule && (() => void schedule())}
      trans={trans}
    />
  );
}
