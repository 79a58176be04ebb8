import { Connection, pathOf } from './connection';
import {
  Delivery,
  MailServer,
  Page,
  SetTarget,
  Target,
  TargetChange
} from './types';

/** Places to which messages go, the mail server, and the log of deliveries. */
export class TargetsClient {
  constructor(private readonly _connection: Connection) {}

  /** List the targets, never with their URLs. */
  async all(): Promise<Target[]> {
    return (await this._connection.get<Page<Target>>('targets')).items;
  }

  /** Add the target, or replace the one of that name. A key that was made for it is in the answer, this once. */
  put(name: string, change: TargetChange): Promise<SetTarget> {
    return this._connection.send('PUT', pathOf('targets', name), change);
  }

  remove(name: string): Promise<Target> {
    return this._connection.send('DELETE', pathOf('targets', name));
  }

  /** Send a test message. The answer says what came of it, also a failure. */
  test(name: string): Promise<Delivery> {
    return this._connection.send('POST', pathOf('targets', name, 'test'), {});
  }

  /** List the last deliveries, newest first; with `to` those to one target. */
  async log(to?: string): Promise<Delivery[]> {
    const query = { to, limit: '20' };
    return (await this._connection.get<Page<Delivery>>('deliveries', query))
      .items;
  }

  mailServer(): Promise<MailServer> {
    return this._connection.get('mail-server');
  }

  setMailPassword(password: string): Promise<MailServer> {
    return this._connection.send('PUT', 'mail-server/password', { password });
  }

  /** Send a mail to try out the server. The answer says what came of it, also a failure. */
  testMail(address: string): Promise<Delivery> {
    return this._connection.send('POST', 'mail-server/test', { address });
  }
}
