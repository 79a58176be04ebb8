import { DisposableDelegate, IDisposable } from '@lumino/disposable';

/**
 * Keep the place of the keyboard focus below `node`.
 *
 * A browser forgets the focus when its element disappears, or is disabled while its work goes on. An element
 * that is enabled again gets the focus back. For one that disappeared, the nearest element around it that
 * can have the focus gets it: at last `node`.
 */
export function keepFocus(node: HTMLElement): IDisposable {
  let lastFocused: HTMLElement | null = null;
  let ancestors: HTMLElement[] = [];
  const rememberFocus = (event: FocusEvent) => {
    lastFocused = event.target as HTMLElement;
    const path = event.composedPath().slice(1) as HTMLElement[];
    ancestors = path
      .slice(0, path.indexOf(node) + 1)
      .filter(element => element.hasAttribute('tabindex'));
  };
  const observer = new MutationObserver(() => {
    if (!lastFocused || document.activeElement !== document.body) {
      return;
    }
    if (!lastFocused.isConnected) {
      lastFocused = ancestors.find(element => element.isConnected) ?? null;
      lastFocused?.focus({ preventScroll: true });
    } else if (!lastFocused.matches(':disabled')) {
      lastFocused.focus({ preventScroll: true });
    }
  });
  // A click with the mouse ends this: the focus does not come back.
  const forgetFocus = () => {
    lastFocused = null;
  };
  node.addEventListener('focusin', rememberFocus);
  document.addEventListener('pointerdown', forgetFocus, true);
  observer.observe(node, {
    attributeFilter: ['disabled'],
    childList: true,
    subtree: true
  });
  return new DisposableDelegate(() => {
    node.removeEventListener('focusin', rememberFocus);
    document.removeEventListener('pointerdown', forgetFocus, true);
    observer.disconnect();
  });
}
