import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Choice, Me } from '../../api';
import { Check } from '../../shared/components/Check';
import { interests, withChannel, withInterest } from '../choices';

/** The boxes of a choice: of what one hears, and by which way. */
export function ChoiceFields(props: {
  choice: Choice;
  me: Me | null;
  disabled: boolean;
  onChange: (choice: Choice) => void;
  onSettings: (() => void) | null;
  trans: TranslationBundle;
}): JSX.Element {
  const { choice, me, disabled, onChange, trans } = props;
  const chosen = choice.channels.filter(each => each.startsWith('target:'));
  const offered = (me?.targets ?? []).map(name => `target:${name}`);
  const targets = [...new Set([...chosen, ...offered])].sort();
  return (
    <>
      <fieldset className="dl-Choice">
        <legend>{trans.__('Tell me when…')}</legend>
        {interests(trans).map(([interest, label]) => (
          <Check
            key={interest}
            label={label}
            checked={choice.on.includes(interest)}
            disabled={disabled}
            onChange={wanted =>
              onChange(withInterest(choice, interest, wanted))
            }
          />
        ))}
      </fieldset>
      <fieldset className="dl-Choice">
        <legend>{trans.__('By')}</legend>
        <Check
          label={trans.__('JupyterLab')}
          checked={choice.channels.includes('lab')}
          disabled={disabled}
          onChange={wanted => onChange(withChannel(choice, 'lab', wanted))}
        />
        <Check
          label={
            me?.address ? trans.__('Mail to %1', me.address) : trans.__('Mail')
          }
          checked={choice.channels.includes('mail')}
          disabled={disabled}
          onChange={wanted => onChange(withChannel(choice, 'mail', wanted))}
        />
        {targets.map(target => (
          <Check
            key={target}
            label={target.replace('target:', '')}
            checked={chosen.includes(target)}
            disabled={disabled}
            onChange={wanted => onChange(withChannel(choice, target, wanted))}
          />
        ))}
        {me && <MailHint me={me} onSettings={props.onSettings} trans={trans} />}
      </fieldset>
      <details className="dl-Choice-more">
        <summary>{trans.__('Less of it')}</summary>
        <Check
          label={trans.__('Only after the last retry')}
          checked={choice.until_last_retry}
          disabled={disabled}
          onChange={until_last_retry =>
            onChange({ ...choice, until_last_retry })
          }
        />
        <Check
          label={trans.__('Nothing of runs that somebody cancelled')}
          checked={choice.mute_cancelled}
          disabled={disabled}
          onChange={mute_cancelled => onChange({ ...choice, mute_cancelled })}
        />
        <Check
          label={trans.__('Nothing of starts that were skipped')}
          checked={choice.mute_skipped}
          disabled={disabled}
          onChange={mute_skipped => onChange({ ...choice, mute_skipped })}
        />
      </details>
    </>
  );
}

function MailHint(props: {
  me: Me;
  onSettings: (() => void) | null;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { me, onSettings, trans } = props;
  if (me.address) {
    return null;
  }
  return (
    <p className="dl-mod-quiet">
      {me.has_mail
        ? trans.__('No mail comes until you have confirmed an address.')
        : trans.__('This installation sends no mail.')}{' '}
      {me.has_mail && onSettings && (
        <button type="button" className="dl-Button" onClick={onSettings}>
          {trans.__('Enter an address…')}
        </button>
      )}
    </p>
  );
}
