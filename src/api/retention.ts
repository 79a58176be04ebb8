import { Connection } from './connection';
import { RetentionPreview, RetentionRemoval, RetentionRule } from './types';

type Rules = { rules: RetentionRule[] };

/** Which ended runs may go. */
export class RetentionClient {
  constructor(private readonly _connection: Connection) {}

  async rules(): Promise<RetentionRule[]> {
    return (await this._connection.get<Rules>('retention')).rules;
  }

  /** Instead of all there are. */
  async setRules(rules: RetentionRule[]): Promise<RetentionRule[]> {
    const answer = this._connection.send<Rules>('PUT', 'retention', { rules });
    return (await answer).rules;
  }

  /** What these rules would take; changes nothing. */
  preview(rules: RetentionRule[]): Promise<RetentionPreview> {
    return this._connection.send('POST', 'retention/preview', { rules });
  }

  /** Delete now what the stored rules let go. */
  apply(): Promise<RetentionRemoval> {
    return this._connection.send('POST', 'retention/apply', {});
  }
}
