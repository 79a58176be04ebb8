import { DisposableDelegate, IDisposable } from '@lumino/disposable';

/**
 * Whoever works with the keyboard keeps their place below `node`.
 *
 * A browser forgets the focus when what had it goes, or is disabled while its work goes on. Then it
 * comes back to what is enabled again, and else to what was around it and can have it: at last `node`.
 */
export function keepFocus(node: HTMLElement): IDisposable {
  let last: HTMLElement | null = null;
  let around: HTMLElement[] = [];
  const note = (event: FocusEvent) => {
    last = event.target as HTMLElement;
    const path = event.composedPath().slice(1) as HTMLElement[];
    around = path
      .slice(0, path.indexOf(node) + 1)
      .filter(it => it.hasAttribute('tabindex'));
  };
  const observer = new MutationObserver(() => {
    if (!last || document.activeElement !== document.body) {
      return;
    }
    if (!last.isConnected) {
      last = around.find(it => it.isConnected) ?? null;
      last?.focus({ preventScroll: true });
    } else if (!last.matches(':disabled')) {
      last.focus({ preventScroll: true });
    }
  });
  // Whoever turned to nothing by the mouse is not called back.
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
