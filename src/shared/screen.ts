import { LabIcon, ReactWidget } from '@jupyterlab/ui-components';
import { Message } from '@lumino/messaging';

import { keepFocus } from './focus';

/** A screen of its own in the main area. It is disposed of when closed; opening it again creates a new one. */
export abstract class Screen extends ReactWidget {
  constructor(label: string, icon: LabIcon) {
    super();
    this.title.label = label;
    this.title.icon = icon;
    this.title.closable = true;
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', label);
    this.node.tabIndex = -1;
    this._focus = keepFocus(this.node);
  }

  dispose(): void {
    this._focus.dispose();
    super.dispose();
  }

  protected onCloseRequest(msg: Message): void {
    super.onCloseRequest(msg);
    this.dispose();
  }

  protected onActivateRequest(msg: Message): void {
    this.node.focus({ preventScroll: true });
  }

  private readonly _focus;
}
