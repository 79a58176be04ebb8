import { useVirtualizer } from '@tanstack/react-virtual';
import { RefObject, useLayoutEffect, useRef, useState } from 'react';

/** Lists with fewer items are drawn whole, so that the browser finds text in all of them. */
const WINDOWED_FROM = 100;
const OVERSCAN = 10;

export type Windowed<T> = {
  /** The items that are drawn. */
  items: readonly T[];
  /** The pixels of the items above and below that are not drawn. */
  before: number;
  after: number;
};

/**
 * Return the part of a long list that is in view. `scroller` selects the nearest element around `list`
 * that scrolls.
 *
 * `height` is the approximate height of an item in pixels. Each item is measured when it is drawn, and
 * `data-index` names it.
 */
export function useWindowed<T extends { id: string }>(
  items: readonly T[],
  list: RefObject<HTMLElement>,
  scroller: string,
  height: number
): Windowed<T> & { measure: (node: Element | null) => void; first: number } {
  const element = useRef<Element | null>(null);
  const [margin, setMargin] = useState(0);
  useLayoutEffect(() => {
    element.current = list.current?.closest(scroller) ?? null;
    if (list.current && element.current) {
      setMargin(
        list.current.getBoundingClientRect().top -
          element.current.getBoundingClientRect().top +
          element.current.scrollTop
      );
    }
  }, [items.length, list, scroller]);
  const virtual = useVirtualizer({
    count: items.length,
    enabled: items.length >= WINDOWED_FROM,
    getScrollElement: () => element.current,
    estimateSize: () => height,
    getItemKey: index => items[index].id,
    overscan: OVERSCAN,
    scrollMargin: margin
  });
  if (items.length < WINDOWED_FROM) {
    return { items, before: 0, after: 0, first: 0, measure: () => undefined };
  }
  const drawn = virtual.getVirtualItems();
  const first = drawn[0]?.index ?? 0;
  const end = drawn[drawn.length - 1];
  return {
    items: items.slice(first, end ? end.index + 1 : 0),
    before: drawn.length ? drawn[0].start - margin : 0,
    after: end ? virtual.getTotalSize() - (end.end - margin) : 0,
    first,
    measure: virtual.measureElement
  };
}
