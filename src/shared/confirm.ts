import { Dialog, showDialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';

/** Ask before something is destroyed. */
export async function confirmed(
  options: { title: string; body: string; verb: string },
  trans: TranslationBundle
): Promise<boolean> {
  const { title, body, verb } = options;
  const { button } = await showDialog({
    title,
    body,
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.warnButton({ label: verb })
    ],
    // Enter destroys nothing.
    defaultButton: 0
  });
  return button.accept;
}
