import { Connection } from './connection';
import { AuditEntry, AuditVerification, Page } from './types';

/** The conditions that entries of the audit trail meet; an empty one does not count. */
export type AuditQuery = {
  actor?: string;
  verb?: string;
  object_kind?: string;
  object_id?: string;
  environment?: string;
  outcome?: string;
  /** The first moment that counts. */
  since?: string;
  /** The first moment that counts no more. */
  until?: string;
  limit?: number;
  cursor?: string;
};

/** The audit trail, for administrators. */
export class AuditClient {
  constructor(private readonly _connection: Connection) {}

  /** Read a page of entries, newest first. */
  page(query: AuditQuery = {}): Promise<Page<AuditEntry>> {
    return this._connection.get('audit', query);
  }

  /** Check that no entry was edited, removed or inserted since it was written. */
  verify(): Promise<AuditVerification> {
    return this._connection.send('POST', 'audit/verify', {});
  }
}
