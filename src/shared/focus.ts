import { DisposableDelegate, IDisposable } from '@lumino/disposable';

/**
 * Keep the place of the keyboard focus below `node`.
 *
 * A browser forgets the focus when its element disappears, or is disabled while its work goes on. An element
 * that is enabled again gets the focus back. For one that disappeared, the nearest element around it that
 * can have the focus gets it: at last `node`.
 */
export function keepFocus(node: HTMLElement): IDisposable {
  let last: HTMLElement | null = null;
  let around: HTMLElement[] = [];
  const note = (event: FocusEvent) => {
    last = event.target as HTMLElement;
    const path = event.composedPath().slice(1) as HTMLElement[];
    around = path
      .slice(0, path.indexOf(node) + 1)
      .filter(element => element.hasAttribute('tabindex'));
  };
  const observer = new MutationObserver(() => {
    if (!last || document.activeElement !== document.body) {
      return;
    }
    if (!last.isConnected) {
      last = around.find(element => element.isConnected) ?? null;
      last?.focus({ preventScroll: true });
    } else if (!last.matches(':disabled')) {
      last.focus({ preventScroll: true });
    }
  });
  // A click with the mouse ends this: the focus does not come back.
  const leave = () => {
    last = null;
  };
  node.addEventListener('focusin', note);
  document.addEventListener('pointerdown', leave, true);
  observer.observe(node, {
    attributeFilter: ['disabled'],
    childList: true,
    subtree: true
  });
  return new DisposableDelegate(() => {
    node.removeEventListener('focusin', note);
    document.removeEventListener('pointerdown', leave, true);
    observer.disconnect();
  });
}
