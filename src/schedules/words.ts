import { TranslationBundle } from '@jupyterlab/translation';
import { toString } from 'cronstrue';
import 'cronstrue/locales/fr';

import type { ScheduleRule } from '../api';
import { localOf } from './zones';

/** Say in plain words when a schedule with this rule starts. */
export type Words = (rule: ScheduleRule, timezone: string) => string;

/** Make the words of a language, given as Lab names it, such as `fr_FR`. */
export function makeWords(language: string, trans: TranslationBundle): Words {
  const locale = language.startsWith('fr') ? 'fr' : 'en';
  return (rule, timezone) => {
    switch (rule.kind) {
      case 'cron':
        return trans.__('%1, %2', cronWords(rule.expression, locale), timezone);
      case 'interval':
        return intervalWords(rule.every_s, trans);
      case 'once':
        return trans.__(
          'Once, on %1, %2',
          localOf(rule.at, timezone).replace('T', ' '),
          timezone
        );
      case 'business_day':
        return rule.number < 0
          ? rule.number === -1
            ? trans.__(
                'On the last business day of the month at %1, %2',
                rule.at.slice(0, 5),
                timezone
              )
            : trans.__(
                'On business day %1 before the end of the month at %2, %3',
                -rule.number,
                rule.at.slice(0, 5),
                timezone
              )
          : trans.__(
              'On business day %1 of the month at %2, %3',
              rule.number,
              rule.at.slice(0, 5),
              timezone
            );
      case 'after_job':
        return {
          success: trans.__('After each success of another job'),
          failure: trans.__('After each failure of another job'),
          any: trans.__('After each run of another job')
        }[rule.on];
      case 'files':
        return trans.__(
          'When files %1 of %2 are new or have changed',
          rule.pattern,
          rule.folder
        );
      case 'webhook':
        return rule.signature === 'github'
          ? trans.__('When GitHub sends a request')
          : trans.__('When another program sends a signed request');
    }
  };
}

function cronWords(expression: string, locale: string): string {
  try {
    return toString(expression, {
      locale,
      use24HourTimeFormat: true,
      // It says "every day" only then, and in other expressions too much.
      verbose: /^\d+ \d+ \* \* \*$/.test(expression)
    });
  } catch {
    return expression;
  }
}

function intervalWords(seconds: number, trans: TranslationBundle): string {
  if (seconds % 3600 === 0) {
    return trans._n('Every hour', 'Every %1 hours', seconds / 3600);
  }
  return seconds % 60 === 0
    ? trans._n('Every minute', 'Every %1 minutes', seconds / 60)
    : trans._n('Every second', 'Every %1 seconds', seconds);
}
