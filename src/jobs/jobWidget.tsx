import { TranslationBundle } from '@jupyterlab/translation';
import { settingsIcon } from '@jupyterlab/ui-components';
import React from 'react';

import { Screen } from '../shared/screen';
import { useSignal } from '../shared/signals';
import type { IRuns } from '../tokens';
import { JobSettings } from './components/JobSettings';
import { JobSettingsModel } from './jobModel';

/** The screen with the settings of a job, in the main area. */
export class JobSettingsWidget extends Screen {
  constructor(
    readonly model: JobSettingsModel,
    private readonly _runs: IRuns,
    name: string,
    private readonly _trans: TranslationBundle
  ) {
    super(_trans.__('Settings of %1', name), settingsIcon);
    this.id = `dataops-job-${model.id}`;
    this.addClass('dl-RunFormPanel');
    void model.load();
  }

  dispose(): void {
    this.model.dispose();
    super.dispose();
  }

  protected render(): JSX.Element {
    return (
      <Connected model={this.model} runs={this._runs} trans={this._trans} />
    );
  }
}

function Connected(props: {
  model: JobSettingsModel;
  runs: IRuns;
  trans: TranslationBundle;
}): JSX.Element {
  const { model, runs, trans } = props;
  const state = useSignal(model.changed, () => model.state);
  const mayChange = useSignal(
    runs.changed,
    () => state.job !== null && runs.mayChange(state.job)
  );
  return (
    <JobSettings
      state={state}
      mayChange={mayChange}
      onEdit={change => model.edit(change)}
      onSettings={change => model.setSettings(change)}
      onSave={() => void model.save()}
      onReload={() => void model.load()}
      trans={trans}
    />
  );
}
