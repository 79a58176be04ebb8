import { TranslationBundle } from '@jupyterlab/translation';
import { bellIcon } from '@jupyterlab/ui-components';
import React from 'react';

import { Screen } from '../shared/screen';
import { useSignal } from '../shared/signals';
import { MySettings } from './components/MySettings';
import { MySettingsModel } from './settingsModel';

type Options = { model: MySettingsModel; trans: TranslationBundle };

/** The screen with the settings of this person for messages. */
export class MyNotificationsWidget extends Screen {
  constructor(private readonly _options: Options) {
    super(_options.trans.__('My Notifications'), bellIcon);
    this.id = 'dataops-my-notifications';
    this.addClass('dl-MySettings');
    void _options.model.load();
  }

  dispose(): void {
    this._options.model.dispose();
    super.dispose();
  }

  protected render(): JSX.Element {
    return <Connected {...this._options} />;
  }
}

function Connected({ model, trans }: Options): JSX.Element {
  const state = useSignal(model.changed, () => model.state);
  return (
    <MySettings
      state={state}
      zone={Intl.DateTimeFormat().resolvedOptions().timeZone}
      onAddress={address => void model.enterAddress(address)}
      onCode={code => void model.confirm(code)}
      onRemove={() => void model.removeAddress()}
      onTimes={times => void model.setTimes(times)}
      onUnsubscribe={subscription => void model.unsubscribe(subscription)}
      onRetry={() => void model.load()}
      trans={trans}
    />
  );
}
