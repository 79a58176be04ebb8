import { Connection, pathOf } from './connection';
import {
  Choice,
  DeliveryTimes,
  Me,
  Page,
  Subscription,
  SubscriptionKind
} from './types';

/** The subscriptions of this person, and their settings for messages. */
export class NotificationsClient {
  constructor(private readonly _connection: Connection) {}

  async list(): Promise<Subscription[]> {
    const { items } =
      await this._connection.get<Page<Subscription>>('subscriptions');
    return items;
  }

  /** Read the choice for an object; it is null where the default counts. */
  get(kind: SubscriptionKind, id: string): Promise<Subscription> {
    return this._connection.get(pathOf('subscriptions', kind, id));
  }

  set(
    kind: SubscriptionKind,
    id: string,
    choice: Choice
  ): Promise<Subscription> {
    const path = pathOf('subscriptions', kind, id);
    return this._connection.send('PUT', path, choice);
  }

  /** Let the default count again. */
  remove(kind: SubscriptionKind, id: string): Promise<Subscription> {
    return this._connection.send('DELETE', pathOf('subscriptions', kind, id));
  }

  me(): Promise<Me> {
    return this._connection.get('me');
  }

  setTimes(times: DeliveryTimes): Promise<Me> {
    return this._connection.send('PUT', 'me', times);
  }

  /** Have a code mailed to the address, which counts once the code is confirmed. */
  enterAddress(address: string): Promise<Me> {
    return this._connection.send('POST', pathOf('me', 'address'), { address });
  }

  confirmAddress(code: string): Promise<Me> {
    return this._connection.send('POST', pathOf('me', 'address', 'confirm'), {
      code
    });
  }

  removeAddress(): Promise<Me> {
    return this._connection.send('DELETE', pathOf('me', 'address'));
  }
}
