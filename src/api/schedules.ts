import { Connection, pathOf } from './connection';
import {
  Backfill,
  BackfillCell,
  BackfillRequest,
  HolidayCalendar,
  Page,
  Schedule,
  ScheduledSource,
  ScheduleImport,
  ScheduleImportRequest,
  SchedulePreview,
  ScheduleSettings,
  Tick,
  TickSpan,
  WebhookSecret
} from './types';

/** Schedules, their decision log, and the calendars that they ask. */
export class SchedulesClient {
  constructor(private readonly _connection: Connection) {}

  page(query: {
    job?: string;
    limit?: number;
    cursor?: string;
  }): Promise<Page<Schedule>> {
    return this._connection.get('schedules', query);
  }

  /** Read one schedule, compared with its working file. */
  get(id: string): Promise<Schedule> {
    return this._connection.get(pathOf('schedules', id));
  }

  /** Schedule a file as it is now. */
  add(
    request: ScheduledSource & ScheduleSettings & { name?: string }
  ): Promise<Schedule> {
    return this._connection.send('POST', 'schedules', request);
  }

  /** Replace the settings of a schedule; its version stays. */
  change(
    id: string,
    request: ScheduleSettings & { name: string; revision: number }
  ): Promise<Schedule> {
    return this._connection.send('PUT', pathOf('schedules', id), request);
  }

  /** Remove a schedule with its decision log. Its runs stay. */
  remove(id: string): Promise<Schedule> {
    return this._connection.send('DELETE', pathOf('schedules', id));
  }

  pause(id: string, why: string): Promise<Schedule> {
    return this._act(id, 'pause', { why });
  }

  resume(id: string): Promise<Schedule> {
    return this._act(id, 'resume');
  }

  /** Become the owner: from now on the schedule runs with one's own rights. */
  takeOver(id: string): Promise<Schedule> {
    return this._act(id, 'take-over');
  }

  /** Let the schedule run the working file as it is now. */
  updateVersion(id: string): Promise<Schedule> {
    return this._act(id, 'update-version');
  }

  /** Give the webhook of a schedule a new secret, which only this answer shows. */
  newWebhookSecret(id: string): Promise<WebhookSecret> {
    return this._act(id, 'webhook-secret', {});
  }

  /** Return the whole address of a webhook, as other programs need it. */
  webhookAddress(path: string): string {
    const { baseUrl } = this._connection.settings;
    return new URL(path, new URL(baseUrl, window.location.href)).href;
  }

  /** Start the schedule now, whatever is in the way: a tick for each preset. */
  runNow(id: string): Promise<Page<Tick>> {
    return this._act(id, 'run-now', {});
  }

  /** Tell when a schedule with these settings would start next. Nothing is stored. */
  preview(settings: ScheduleSettings): Promise<SchedulePreview> {
    return this._connection.send(
      'POST',
      pathOf('schedules', 'preview'),
      settings
    );
  }

  /** Read the decision log of a schedule, newest first. */
  ticks(query: {
    schedule: string;
    state?: string;
    limit?: number;
    cursor?: string;
  }): Promise<Page<Tick>> {
    return this._connection.get('ticks', query);
  }

  /** Read the starts of all schedules between two instants. */
  span(query: { first: string; last: string }): Promise<TickSpan> {
    return this._connection.get(pathOf('ticks', 'span'), query);
  }

  /** Tell for each start of a span whether a backfill would run it. */
  async previewBackfill(
    id: string,
    request: BackfillRequest
  ): Promise<BackfillCell[]> {
    const { items } = await this._act<Page<BackfillCell>>(
      id,
      'backfill/preview',
      request
    );
    return items;
  }

  /** Run starts of the past now, a few at a time. */
  backfill(id: string, request: BackfillRequest): Promise<Page<Tick>> {
    return this._act(id, 'backfill', request);
  }

  /** Read the newest backfills, and how far each is. */
  async backfills(id: string): Promise<Backfill[]> {
    const { items } = await this._connection.get<Page<Backfill>>(
      pathOf('schedules', id, 'backfills')
    );
    return items;
  }

  /** Start no more starts of the backfills of a schedule. */
  cancelBackfill(id: string): Promise<Schedule> {
    return this._act(id, 'backfill/cancel');
  }

  /** Tell what an import from jupyter-scheduler would do. */
  previewImport(request: ScheduleImportRequest): Promise<ScheduleImport> {
    return this._connection.send(
      'POST',
      pathOf('schedule-imports', 'preview'),
      request
    );
  }

  /** Import schedules from jupyter-scheduler. */
  runImport(request: ScheduleImportRequest): Promise<ScheduleImport> {
    return this._connection.send('POST', 'schedule-imports', request);
  }

  async calendars(): Promise<HolidayCalendar[]> {
    const { items } =
      await this._connection.get<Page<HolidayCalendar>>('calendars');
    return items;
  }

  private _act<T>(id: string, verb: string, body?: unknown): Promise<T> {
    return this._connection.send(
      'POST',
      pathOf('schedules', id, ...verb.split('/')),
      body
    );
  }
}
