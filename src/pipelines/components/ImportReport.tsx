import { TranslationBundle } from '@jupyterlab/translation';
import {
  checkIcon,
  closeIcon,
  editIcon,
  LabIcon
} from '@jupyterlab/ui-components';
import React from 'react';

import type { ImportNote } from '../../api';

/** The first kinds are those that people must do something about. */
const KINDS: ImportNote['kind'][] = [
  'not_carried_over',
  'changed',
  'carried_over'
];
const ICONS: { [kind in ImportNote['kind']]: LabIcon } = {
  not_carried_over: closeIcon,
  changed: editIcon,
  carried_over: checkIcon
};

/** The report of an import: what was carried over, changed, and left out, with the steps that each line is about. */
export function ImportReport(props: {
  notes: readonly ImportNote[];
  trans: TranslationBundle;
}): JSX.Element {
  const { notes, trans } = props;
  return (
    <div className="dl-ImportReport">
      {KINDS.map(kind => {
        const lines = linesOf(notes.filter(note => note.kind === kind));
        const Icon = ICONS[kind].react;
        return (
          lines.length > 0 && (
            <section key={kind} data-kind={kind}>
              <h3>
                <Icon tag="span" className="dl-KindIcon" aria-hidden />
                {labelOf(kind, trans)}
              </h3>
              <ul>
                {lines.map(({ steps, message }) => (
                  <li key={message}>
                    {steps.length > 0 && (
                      <>
                        <code>{steps.join(', ')}</code>
                        {': '}
                      </>
                    )}
                    {message}
                  </li>
                ))}
              </ul>
            </section>
          )
        );
      })}
    </div>
  );
}

/** Join the notes that say the same about several steps. */
function linesOf(
  notes: readonly ImportNote[]
): { steps: string[]; message: string }[] {
  const steps = new Map<string, string[]>();
  for (const { step, message } of notes) {
    steps.set(message, [
      ...(steps.get(message) ?? []),
      ...(step === null ? [] : [step])
    ]);
  }
  return [...steps].map(([message, of]) => ({ steps: of, message }));
}

function labelOf(kind: ImportNote['kind'], trans: TranslationBundle): string {
  switch (kind) {
    case 'not_carried_over':
      return trans.__('Not carried over');
    case 'changed':
      return trans.__('Changed');
    case 'carried_over':
      return trans.__('Carried over');
  }
}
