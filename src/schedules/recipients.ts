import type { Interest, Recipient } from '../api';

/** The things of which recipients are told unless the schedule says otherwise. */
export const RECIPIENT_INTERESTS: Interest[] = [
  'on_failure',
  'on_late',
  'on_recovery'
];

/** Write recipients with commas between. */
export function textOfRecipients(recipients: readonly Recipient[]): string {
  return recipients.map(each => each.to).join(', ');
}

/** Read recipients with commas between. Those that were there before keep of what they are told. */
export function readRecipients(
  text: string,
  before: readonly Recipient[]
): Recipient[] {
  return text
    .split(/[,;\s]+/)
    .filter(Boolean)
    .map(
      to =>
        before.find(each => each.to === to) ?? { to, on: RECIPIENT_INTERESTS }
    );
}
