import {
  Client,
  EventStream,
  ItemTable,
  Problem,
  RunState,
  RunSummary
} from '../api';
import { Following } from '../shared/following';
import { sameWhereEqual } from '../shared/same';
import type { IRuns } from '../tokens';

/** The least time in milliseconds between two requests, and for each item of the table beside it. */
const INTERVAL_MS = 500;
const INTERVAL_PER_ITEM_MS = 2;

export type ItemTableState = {
  /** Null until the server has answered. */
  table: ItemTable | null;
  trouble: Problem | null;
};

/** The items of a fan-out, or the points of a sweep, kept up to date from the first refresh on. */
export class ItemTableModel extends Following<ItemTableState> {
  /** `step` is the fan-out; null for a sweep. */
  constructor(
    readonly run: string,
    readonly step: string | null,
    private readonly _client: Client,
    events: EventStream,
    runs: IRuns
  ) {
    super(
      { table: null, trouble: null },
      () =>
        INTERVAL_MS +
        INTERVAL_PER_ITEM_MS * (this.state.table?.items.length ?? 0)
    );
    this.follow(runs.runChanged, run => this._isNews(run));
    this.follow(events.restarted);
  }

  protected async read(): Promise<ItemTableState> {
    try {
      const table = await this._client.pipelines.items(this.run, this.step);
      // Rows that are as before stay the same objects.
      return { table: sameWhereEqual(this.state.table, table), trouble: null };
    } catch (reason) {
      return { ...this.state, trouble: Problem.from(reason) };
    }
  }

  /** Tell whether a run is one of these, and in another state than before. */
  private _isNews({ id, parent, state }: RunSummary): boolean {
    const isOurs = id === this.run || parent?.id === this.run;
    if (!isOurs || this._states.get(id) === state) {
      return false;
    }
    this._states.set(id, state);
    return true;
  }

  private readonly _states = new Map<string, RunState>();
}
