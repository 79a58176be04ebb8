import { Notification } from '@jupyterlab/apputils';
import { ISignal } from '@lumino/signaling';
import { TranslationBundle } from '@jupyterlab/translation';

import type { Message } from '../api';
import type { IRuns } from '../tokens';

const GOOD_NEWS_MS = 8000;

/** Show the messages about schedules of this person, each once. */
export function showMessages(options: {
  messages: ISignal<unknown, Message>;
  runs: Pick<IRuns, 'isMine'>;
  openRun: (id: string) => void;
  trans: TranslationBundle;
}): void {
  const { messages, runs, openRun, trans } = options;
  const shown = new Set<string>();
  messages.connect((_, message) => {
    const isMine = runs.isMine({ created_by: { id: message.owner } });
    if (!isMine || shown.has(message.message)) {
      return;
    }
    shown.add(message.message);
    const { run } = message;
    const kind =
      message.kind === 'recovery'
        ? 'success'
        : message.kind === 'late' || message.kind === 'missed'
          ? 'warning'
          : 'error';
    Notification.emit(textOf(message, trans), kind, {
      autoClose: kind === 'success' ? GOOD_NEWS_MS : false,
      actions: run
        ? [{ label: trans.__('Open run'), callback: () => openRun(run) }]
        : []
    });
  });
}

/** Say in a sentence what happened to which tick. */
export function textOf(message: Message, trans: TranslationBundle): string {
  const { schedule, preset, count } = message;
  const name = preset ? `${schedule.name} (${preset})` : schedule.name;
  const time = localTime(message.nominal, schedule.timezone);
  const reason = message.reason?.message ?? '';
  switch (message.kind) {
    case 'failure':
      return trans.__('%1 of %2 failed: %3', name, time, reason);
    case 'recovery':
      return trans.__('%1 of %2 succeeded again.', name, time);
    case 'late':
      if (message.foreseen) {
        return trans.__('%1 of %2 will be late: %3', name, time, reason);
      }
      return trans.__('%1 of %2 is late: no run has succeeded.', name, time);
    case 'missed':
      return trans._n(
        '%2 missed a start at %3. %4',
        '%2 missed %1 starts since %3. %4',
        count,
        name,
        time,
        reason
      );
    case 'refused':
      return trans.__('%1 of %2 could not start: %3', name, time, reason);
    case 'paused':
      return trans._n(
        '%2 is paused after a failure.',
        '%2 is paused after %1 failures in a row.',
        message.failures,
        name
      );
    default:
      return trans.__('There is news of %1 of %2.', name, time);
  }
}

function localTime(instant: string, timeZone: string): string {
  return new Intl.DateTimeFormat(undefined, {
    dateStyle: 'medium',
    timeStyle: 'short',
    timeZone
  }).format(new Date(instant));
}
