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

  /** Make a secret for the webhook of a schedule, and return it; null when a person or the server says no. */
  readonly newSecret = async (schedule: Schedule): Promise<string | null> => {
    const trans = this._trans;
    const isConfirmed =
      !schedule.webhook?.secret_changed_at ||
      (await askConfirmation(
        {
          title: trans.__('Make a new secret for %1?', schedule.name),
          body: trans.__(
            'The present secret counts for one more day, so that you can give the new one to the sender.'
          ),
          verb: trans.__('Make it')
        },
        trans
      ));
    if (!isConfirmed) {
      return null;
    }
    try {
      const { secret } = await this._client.schedules.newWebhookSecret(
        schedule.id
      );
      return secret;
    } catch (reason) {
      reportFailure(reason);
      return null;
    }
  };

  readonly addressOf = (path: string): string =>
    this._client.schedules.webhookAddress(path);

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
