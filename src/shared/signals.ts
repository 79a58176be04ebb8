import { ISignal } from '@lumino/signaling';
import { useCallback, useSyncExternalStore } from 'react';

/**
 * A value that a signal tells of, in a component.
 *
 * `read` must answer with the same object while nothing has changed.
 */
export function useSignal<T>(
  signal: ISignal<unknown, unknown>,
  read: () => T
): T {
  const subscribe = useCallback(
    (notify: () => void) => {
      signal.connect(notify);
      return () => {
        signal.disconnect(notify);
      };
    },
    [signal]
  );
  return useSyncExternalStore(subscribe, read);
}
