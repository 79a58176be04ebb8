import { TranslationBundle } from '@jupyterlab/translation';

import type { Choice, Interest } from '../api';

/** The choice of a person who opens the form and had none: what owners hear of by default. */
export const DEFAULT_CHOICE: Choice = {
  on: ['on_failure', 'on_recovery', 'on_late', 'on_missed', 'on_approval'],
  channels: ['lab', 'mail'],
  mute_skipped: true,
  mute_cancelled: true,
  until_last_retry: true
};

/** The things that one can hear of, in the order of the form. */
export function interests(trans: TranslationBundle): [Interest, string][] {
  return [
    ['on_failure', trans.__('it fails, or cannot start')],
    ['on_recovery', trans.__('it succeeds again')],
    ['on_success', trans.__('it succeeds')],
    ['on_late', trans.__('it is late')],
    ['on_missed', trans.__('a start was missed')],
    ['on_duration_warning', trans.__('it takes unusually long')],
    ['on_approval', trans.__('an approval is wanted or decided')]
  ];
}

/** Return the choice with the thing, or without it. */
export function withInterest(
  choice: Choice,
  interest: Interest,
  wanted: boolean
): Choice {
  const others = choice.on.filter(each => each !== interest);
  return { ...choice, on: wanted ? [...others, interest] : others };
}

/** Return the choice with the channel, or without it. */
export function withChannel(
  choice: Choice,
  channel: string,
  wanted: boolean
): Choice {
  const others = choice.channels.filter(each => each !== channel);
  return { ...choice, channels: wanted ? [...others, channel] : others };
}
