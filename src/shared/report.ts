import { Notification } from '@jupyterlab/apputils';

import { Problem } from '../api';

/** Show the failure of a command that has no place of its own on the screen. */
export function reportFailure(reason: unknown): void {
  Notification.error(Problem.from(reason).message, { autoClose: 10_000 });
}

/** Tell that something which a person asked for is done. */
export function reportSuccess(message: string): void {
  Notification.success(message, { autoClose: 8000 });
}
