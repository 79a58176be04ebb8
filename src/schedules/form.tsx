import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Schedule } from '../api';
import { scheduleIcon } from '../shared/icons';
import { Screen } from '../shared/screen';
import { useSignal } from '../shared/signals';
import { ScheduleForm } from './components/ScheduleForm';
import { ScheduleFormModel } from './formModel';
import type { Words } from './words';

type Options = {
  model: ScheduleFormModel;
  title: string;
  words: Words;
  /** Called with the stored schedule. */
  onSaved: (schedule: Schedule) => void;
  trans: TranslationBundle;
};

/** The screen with the form of a schedule. */
export class ScheduleFormWidget extends Screen {
  constructor(private readonly _options: Options) {
    super(_options.trans.__('Schedule %1', _options.title), scheduleIcon);
    this.addClass('dl-RunFormPanel');
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

function Connected(props: Options): JSX.Element {
  const { model, trans } = props;
  const state = useSignal(model.changed, () => model.state);
  const save = async () => {
    const schedule = await model.save();
    if (schedule) {
      props.onSaved(schedule);
    }
  };
  const { subject } = model;
  const { schedule } = state;
  return (
    <ScheduleForm
      state={state}
      title={props.title}
      place={
        schedule
          ? trans.__(
              'Runs version %1 in %2.',
              schedule.version_number,
              schedule.environment
            )
          : trans.__(
              'Runs the file as it is now in %1, on the data of each day.',
              ('source' in subject && subject.source.environment) || 'sandbox'
            )
      }
      words={props.words}
      onEdit={change => model.edit(change)}
      onRule={change => model.editRule(change)}
      onValue={(parameter, value) => model.setValue(parameter, value)}
      onDate={(parameter, date) => model.setDate(parameter, date)}
      onSave={() => void save()}
      onReload={() => void model.load()}
      trans={trans}
    />
  );
}
