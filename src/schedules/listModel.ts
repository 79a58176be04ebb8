import { Client, EventStream, Problem, Schedule } from '../api';
import { Following } from '../shared/following';
import type { IRuns } from '../tokens';

const INTERVAL_MS = 1000;
const PAGE = 500;

export type SchedulesState = {
  schedules: readonly Schedule[];
  isRead: boolean;
  trouble: Problem | null;
};

/** The schedules of everybody, or those of one job, kept up to date from the first refresh on. */
export class SchedulesModel extends Following<SchedulesState> {
  constructor(
    private readonly _client: Pick<Client, 'schedules'>,
    events: Pick<EventStream, 'schedule' | 'restarted'>,
    runs: Pick<IRuns, 'runChanged'>,
    private readonly _job?: string
  ) {
    super({ schedules: [], isRead: false, trouble: null }, INTERVAL_MS);
    this.follow(events.schedule);
    this.follow(events.restarted);
    this.follow(runs.runChanged, run =>
      this.state.schedules.some(({ last_run: last }) => last?.id === run.id)
    );
  }

  protected async read(): Promise<SchedulesState> {
    try {
      const schedules: Schedule[] = [];
      let cursor: string | undefined;
      do {
        const page = await this._client.schedules.page({
          job: this._job,
          limit: PAGE,
          cursor
        });
        schedules.push(...page.items);
        cursor = page.next ?? undefined;
      } while (cursor !== undefined);
      return { schedules, isRead: true, trouble: null };
    } catch (reason) {
      return { ...this.state, trouble: Problem.from(reason) };
    }
  }
}
