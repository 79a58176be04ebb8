import { TranslationBundle } from '@jupyterlab/translation';

import type { Client, Schedule } from '../api';
import { askConfirmation } from '../shared/confirm';
import { reportFailure, reportSuccess } from '../shared/report';

/** The things that people can do with a schedule. A refusal is shown as a notification. */
export class Actions {
  constructor(
    private readonly _client: Client,
    private readonly _openRun: (id: string) => void,
    private readonly _trans: TranslationBundle
  ) {}

  readonly runNow = (schedule: Schedule): void =>
    this._try(async () => {
      const { items } = await this._client.schedules.runNow(schedule.id);
      const run = items.length === 1 ? items[0].run_id : null;
      if (run !== null) {
        this._openRun(run);
      } else {
        reportSuccess(
          this._trans._n('Started %1 run.', 'Started %1 runs.', items.length)
        );
      }
    });

  readonly pause = (schedule: Schedule): void =>
    this._try(() => this._client.schedules.pause(schedule.id, ''));

  readonly resume = (schedule: Schedule): void =>
    this._try(() => this._client.schedules.resume(schedule.id));

  readonly takeOver = (schedule: Schedule): void =>
    this._try(() => this._client.schedules.takeOver(schedule.id));

  readonly update = (schedule: Schedule): void =>
    this._try(() => this._client.schedules.updateVersion(schedule.id));

  readonly openRun = (id: string): void => this._openRun(id);

  /** Ask, and remove the schedule. */
  remove(schedule: Schedule, onRemoved: () => void): void {
    const trans = this._trans;
    this._try(async () => {
      const isConfirmed = await askConfirmation(
        {
          title: trans.__('Delete the schedule %1?', schedule.name),
          body: trans.__(
            'Its decision log goes with it, for good. Its runs stay.'
          ),
          verb: trans.__('Delete')
        },
        trans
      );
      if (isConfirmed) {
        await this._client.schedules.remove(schedule.id);
        onRemoved();
      }
    });
  }

  private _try(work: () => Promise<unknown>): void {
    void work().catch(reportFailure);
  }
}
