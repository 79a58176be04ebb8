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
    const isMine = (id: string) => runs.isMine({ created_by: { id } });
    const isForMe = (message.people ?? [message.owner]).some(isMine);
    if (!isForMe || shown.has(message.message)) {
      return;
    }
    // The records tell people about runs that they started themselves.
    if (message.by_hand && isMine(message.owner) && isEnd(message)) {
      return;
    }
    shown.add(message.message);
    const { run } = message;
    const kind = KINDS[message.kind];
    Notification.emit(textOf(message, trans), kind, {
      autoClose: kind === 'success' ? GOOD_NEWS_MS : false,
      actions: run
        ? [{ label: trans.__('Open run'), callback: () => openRun(run) }]
        : []
    });
  });
}

const KINDS: Record<Message['kind'], 'success' | 'info' | 'warning' | 'error'> =
  {
    failure: 'error',
    refused: 'error',
    paused: 'error',
    late: 'warning',
    missed: 'warning',
    duration_warning: 'warning',
    approval_wanted: 'info',
    approval_given: 'info',
    digest: 'info',
    recovery: 'success',
    success: 'success'
  };

function isEnd(message: Message): boolean {
  return ['failure', 'recovery', 'success'].includes(message.kind);
}

/** Say in a sentence what happened to which tick or run. */
export function textOf(message: Message, trans: TranslationBundle): string {
  const { schedule, preset, count, nominal, presets } = message;
  const whole = schedule?.name ?? message.job.name;
  const name = preset ? `${whole} (${preset})` : whole;
  const reason = message.reason?.message ?? '';
  switch (message.kind) {
    case 'approval_wanted':
      return trans.__(
        '%1 waits for your decision: %2',
        name,
        message.step?.title || message.step?.id
      );
    case 'approval_given':
      return message.approved
        ? trans.__('A step of %1 was approved.', name)
        : trans.__('A step of %1 was rejected.', name);
    case 'duration_warning':
      return trans.__('%1 takes unusually long.', name);
  }
  if (!schedule || !nominal) {
    return textOfRun(message, name, trans);
  }
  const time = localTime(nominal, schedule.timezone);
  if (presets && presets.length > 1 && message.kind !== 'late') {
    return textOfPresets(presets, name, time, trans);
  }
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
    case 'success':
      return trans.__('%1 of %2 succeeded.', name, time);
    default:
      return trans.__('There is news of %1 of %2.', name, time);
  }
}

function textOfRun(
  message: Message,
  name: string,
  trans: TranslationBundle
): string {
  switch (message.kind) {
    case 'failure':
      return trans.__('%1 failed: %2', name, message.reason?.message ?? '');
    case 'recovery':
      return trans.__('%1 succeeded again.', name);
    case 'success':
      return trans.__('%1 succeeded.', name);
    default:
      return trans.__('There is news of %1.', name);
  }
}

const MAX_NAMES = 5;

/** Say how many presets succeeded, and which ones did not. */
function textOfPresets(
  presets: NonNullable<Message['presets']>,
  name: string,
  time: string,
  trans: TranslationBundle
): string {
  const others = presets.filter(each => each.state !== 'succeeded');
  const counted = trans.__(
    '%1 of %2: %3 of %4 succeeded.',
    name,
    time,
    presets.length - others.length,
    presets.length
  );
  if (!others.length) {
    return counted;
  }
  const names = others.slice(0, MAX_NAMES).map(each => each.preset);
  const more = others.length > MAX_NAMES ? ' …' : '';
  return `${counted} ${trans.__('Not: %1', names.join(', ') + more)}`;
}

function localTime(instant: string, timeZone: string): string {
  return new Intl.DateTimeFormat(undefined, {
    dateStyle: 'medium',
    timeStyle: 'short',
    timeZone
  }).format(new Date(instant));
}
