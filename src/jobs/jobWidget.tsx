import { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget, settingsIcon } from '@jupyterlab/ui-components';
import { Message } from '@lumino/messaging';
import React from 'react';

import { useSignal } from '../shared/signals';
import { JobSettings } from './components/JobSettings';
import { JobSettingsModel } from './jobModel';

/** The settings of a job, in the main area. */
export class JobSettingsWidget extends ReactWidget {
  constructor(
    readonly model: JobSettingsModel,
    name: string,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.id = `dataops-job-${model.id}`;
    this.title.label = _trans.__('Settings of %1', name);
    this.title.icon = settingsIcon;
    this.title.closable = true;
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', this.title.label);
    this.node.tabIndex = -1;
    this.addClass('dl-RunFormPanel');
    void model.load();
  }

  dispose(): void {
    this.model.dispose();
    super.dispose();
  }

  /** Closed is gone: whoever opens it again gets a new one. */
  protected onCloseRequest(msg: Message): void {
    super.onCloseRequest(msg);
    this.dispose();
  }

  protected onActivateRequest(msg: Message): void {
    this.node.focus({ preventScroll: true });
  }

  protected render(): JSX.Element {
    return <Connected model={this.model} trans={this._trans} />;
  }
}

function Connected(props: {
  model: JobSettingsModel;
  trans: TranslationBundle;
}): JSX.Element {
  const { model, trans } = props;
  const state = useSignal(model.changed, () => model.state);
  return (
    <JobSettings
      state={state}
      onEdit={change => model.edit(change)}
      onSettings={change => model.setSettings(change)}
      onSave={() => void model.save()}
      onReload={() => void model.load()}
      trans={trans}
    />
  );
}
