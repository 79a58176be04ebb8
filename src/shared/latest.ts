import { useLayoutEffect, useMemo, useRef } from 'react';

type Functions<T> = { [name in keyof T]: (...args: never[]) => unknown };

/**
 * Return functions that stay the same for as long as the component lives, and call those that were given last. A
 * memoised child that gets them is not drawn again for their sake. Call them in answer to events, not while drawing.
 */
export function useLatest<T extends Functions<T>>(functions: T): T {
  const latest = useRef(functions);
  useLayoutEffect(() => {
    latest.current = functions;
  });
  return useMemo(
    () =>
      Object.fromEntries(
        Object.keys(latest.current).map(name => [
          name,
          (...args: never[]) => latest.current[name as keyof T](...args)
        ])
      ) as T,
    []
  );
}
