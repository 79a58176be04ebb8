import { TranslationBundle } from '@jupyterlab/translation';

import type { Target, TargetChange } from '../api';

export type TargetChannel = Target['channel'];

export const CHANNELS: TargetChannel[] = ['slack', 'teams', 'webhook', 'mail'];

/** The fields of the form of a target, as a person fills them in. */
export type TargetDraft = {
  name: string;
  channel: TargetChannel;
  /** The URL, or the address of mail. Empty for a URL that stays what it was. */
  address: string;
  description: string;
  environments: string[];
  /** Domains with commas or spaces between. */
  domains: string;
  enabled: boolean;
  newKey: boolean;
};

export const NEW_TARGET: TargetDraft = {
  name: '',
  channel: 'slack',
  address: '',
  description: '',
  environments: [],
  domains: '',
  enabled: true,
  newKey: false
};

export function draftOfTarget(target: Target): TargetDraft {
  return {
    name: target.name,
    channel: target.channel,
    address: target.channel === 'mail' ? target.place : '',
    description: target.description,
    environments: target.environments,
    domains: target.domains.join(', '),
    enabled: target.enabled,
    newKey: false
  };
}

/** Return the change that the form means. */
export function readTarget(
  draft: TargetDraft,
  before: Target | null
): TargetChange {
  const isMail = draft.channel === 'mail';
  const address = draft.address.trim();
  return {
    channel: draft.channel,
    // A URL that is not given stays; an address of mail is shown, so an empty one is meant.
    address: isMail ? address : address || null,
    new_key: draft.channel === 'webhook' && draft.newKey,
    description: draft.description.trim(),
    environments: draft.environments,
    domains: isMail ? draft.domains.split(/[\s,;]+/).filter(Boolean) : [],
    enabled: draft.enabled,
    revision: before?.revision ?? 0
  };
}

export function channelLabel(
  channel: string,
  trans: TranslationBundle
): string {
  switch (channel) {
    case 'slack':
      return trans.__('Slack');
    case 'teams':
      return trans.__('Teams');
    case 'webhook':
      return trans.__('Webhook');
    case 'mail':
      return trans.__('Mail');
    default:
      return channel;
  }
}
