import { Connection } from './connection';
import { RetentionPreview, RetentionRemoval, RetentionRule } from './types';

type Rules = { rules: RetentionRule[] };

/** The rules for ended runs that may be deleted. */
export class RetentionClient {
  constructor(private readonly _connection: Connection) {}

  async rules(): Promise<RetentionRule[]> {
    return (await this._connection.get<Rules>('retention')).rules;
  }

  /** Replace all rules by these. */
  async setRules(rules: RetentionRule[]): Promise<RetentionRule[]> {
    const answer = this._connection.send<Rules>('PUT', 'retention', { rules });
    return (await answer).rules;
  }

  /** Tell which runs these rules would delete, without a change. */
  preview(rules: RetentionRule[]): Promise<RetentionPreview> {
    return this._connection.send('POST', 'retention/preview', { rules });
  }

  /** Delete now the runs that the stored rules do not keep. */
  apply(): Promise<RetentionRemoval> {
    return this._connection.send('POST', 'retention/apply', {});
  }
}
