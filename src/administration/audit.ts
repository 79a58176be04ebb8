import { ISignal, Signal } from '@lumino/signaling';

import { AuditEntry, AuditVerification, Client, Problem } from '../api';

const PAGE_SIZE = 50;

/** The filters as the form has them; days as `2026-01-31`, and an empty text for no condition. */
export type AuditFilter = {
  actor: string;
  objectKind: string;
  environment: string;
  outcome: string;
  firstDay: string;
  lastDay: string;
};

export const NO_FILTER: AuditFilter = {
  actor: '',
  objectKind: '',
  environment: '',
  outcome: '',
  firstDay: '',
  lastDay: ''
};

export type AuditState = {
  filter: AuditFilter;
  /** The entries so far; null until the first page is there. */
  entries: AuditEntry[] | null;
  environments: string[];
  hasMore: boolean;
  verification: AuditVerification | null;
  trouble: Problem | null;
};

/**
 * The entries of the audit trail, page by page, and the result of its check.
 *
 * A method that reads leaves its failure in the state; `verify` throws a `Problem`.
 */
export class AuditModel {
  constructor(private readonly _client: Client) {}

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get state(): AuditState {
    return this._state;
  }

  dispose(): void {
    Signal.clearData(this);
  }

  async load(): Promise<void> {
    try {
      const environments = await this._client.environments.all();
      this._set({ environments: environments.map(each => each.name) });
    } catch (reason) {
      this._set({ trouble: Problem.from(reason) });
      return;
    }
    await this._read(null);
  }

  setFilter(filter: AuditFilter): Promise<void> {
    this._set({ filter });
    return this._read(null);
  }

  /** Read the next page behind the entries that are there. */
  more(): Promise<void> {
    return this._read(this._next);
  }

  async verify(): Promise<void> {
    this._set({ verification: null });
    this._set({ verification: await this._client.audit.verify() });
  }

  private async _read(cursor: string | null): Promise<void> {
    const { filter } = this._state;
    try {
      const page = await this._client.audit.page({
        actor: filter.actor,
        object_kind: filter.objectKind,
        environment: filter.environment,
        outcome: filter.outcome,
        since: startOf(filter.firstDay, 0),
        until: startOf(filter.lastDay, 1),
        limit: PAGE_SIZE,
        cursor: cursor ?? undefined
      });
      if (filter !== this._state.filter) {
        // Another filter was chosen meanwhile: its answer counts.
        return;
      }
      this._next = page.next ?? null;
      const before = cursor ? (this._state.entries ?? []) : [];
      this._set({
        entries: [...before, ...page.items],
        hasMore: this._next !== null,
        trouble: null
      });
    } catch (reason) {
      if (filter === this._state.filter) {
        this._set({ trouble: Problem.from(reason) });
      }
    }
  }

  private _set(change: Partial<AuditState>): void {
    this._state = { ...this._state, ...change };
    this._changed.emit();
  }

  private _next: string | null = null;
  private _state: AuditState = {
    filter: NO_FILTER,
    entries: null,
    environments: [],
    hasMore: false,
    verification: null,
    trouble: null
  };
  private readonly _changed = new Signal<this, void>(this);
}

/** Return the moment at which a day of this machine begins, `days` after the given one. */
function startOf(day: string, days: number): string | undefined {
  const [year, month, date] = day.split('-').map(Number);
  const start = new Date(year, month - 1, date + days);
  return isNaN(start.getTime()) ? undefined : start.toISOString();
}
