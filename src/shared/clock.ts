import { useSyncExternalStore } from 'react';

/** The listeners of one timer for all live durations of the page. The timer stops with the last of them. */
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;
let now = Date.now();

function subscribe(listener: () => void): () => void {
  if (!listeners.size) {
    now = Date.now();
    timer = setInterval(() => {
      now = Date.now();
      listeners.forEach(notify => notify());
    }, 1000);
  }
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (!listeners.size) {
      clearInterval(timer);
    }
  };
}

const subscribeToNothing = () => () => undefined;

/** Return the milliseconds since the epoch, updated every second while `ticking`. */
export function useNow(ticking = true): number {
  return useSyncExternalStore(ticking ? subscribe : subscribeToNothing, () =>
    ticking && listeners.size ? now : Math.floor(Date.now() / 1000) * 1000
  );
}
