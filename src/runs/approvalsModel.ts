import type { Client, EventStream, OpenApproval } from '../api';
import { Following } from '../shared/following';
import type { IRuns } from '../tokens';

const INTERVAL_MS = 1000;

export type ApprovalsState = {
  /** The approvals on which this person may decide, the oldest first. */
  mine: readonly OpenApproval[];
  /** The approvals of this person's runs on which others decide. */
  others: readonly OpenApproval[];
};

/** The approvals that wait, kept up to date from the first refresh on. */
export class ApprovalsModel extends Following<ApprovalsState> {
  constructor(
    private readonly _client: Client,
    events: EventStream,
    runs: IRuns
  ) {
    super({ mine: [], others: [] }, INTERVAL_MS);
    // An approval waits as long as its pipeline is active; other runs have none.
    this.follow(runs.runChanged, run => run.kind === 'pipeline');
    this.follow(runs.runDeleted);
    this.follow(events.restarted);
  }

  protected async read(): Promise<ApprovalsState> {
    try {
      const found = await this._client.pipelines.approvals();
      return {
        mine: found.filter(each => each.may_decide),
        others: found.filter(each => !each.may_decide)
      };
    } catch {
      // The sidebar tells about trouble with the server already.
      return this.state;
    }
  }
}
