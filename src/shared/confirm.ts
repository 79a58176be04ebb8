import { Dialog, showDialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';

/** Ask a person before something is destroyed; resolve to true when they agree. */
export async function askConfirmation(
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
    // The default is the button that destroys nothing, so Enter is safe.
    defaultButton: 0
  });
  return button.accept;
}
