import { TranslationBundle } from '@jupyterlab/translation';
import React, { useState } from 'react';

import type { RetentionRule } from '../../api';
import { useAction } from '../../shared/action';
import { Message } from '../../shared/components/Message';
import { askConfirmation } from '../../shared/confirm';
import { formatBytes } from '../../shared/format';
import { numberText, readNumber } from '../numbers';
import type { RetentionState } from '../retention';
import { RetentionPreview } from './RetentionPreview';
import { RuleDraft, RulesTable } from './RulesTable';

/** The retention rules, a preview of the runs that they delete, and the button that deletes them. */
export function Retention(props: {
  state: RetentionState;
  onPreview: (rules: RetentionRule[]) => Promise<void>;
  onSave: (rules: RetentionRule[]) => Promise<void>;
  onApply: () => Promise<void>;
  onEdit: () => void;
  onOpenRun: (id: string) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { state, trans } = props;
  const [drafts, setDrafts] = useState(() => state.rules!.map(draftOf));
  const [problems, setProblems] = useState<{ [name: string]: string }>({});
  const { busy, problem, act } = useAction();
  const edit = (changed: RuleDraft[]) => {
    setDrafts(changed);
    setProblems({});
    props.onEdit();
  };
  const readRules = (): RetentionRule[] | null => {
    const found: { [name: string]: string } = {};
    const rules = drafts.map((draft, index) => ({
      environment: draft.environment || null,
      state: (draft.state || null) as RetentionRule['state'],
      days: readWholeNumber(draft.days, `${index}-days`, found, trans),
      last: readWholeNumber(draft.last, `${index}-last`, found, trans)
    }));
    setProblems(found);
    return Object.keys(found).length ? null : rules;
  };
  const preview = async () => {
    const rules = readRules();
    if (rules) {
      await act(() => props.onPreview(rules));
    }
  };
  const save = async () => {
    const rules = readRules();
    if (rules) {
      await act(() => props.onSave(rules));
    }
  };
  const apply = async () => {
    const isConfirmed = await askConfirmation(
      {
        title: trans.__('Delete the runs that no rule keeps?'),
        body: trans.__('Runs go with their records, for good. Kept runs stay.'),
        verb: trans.__('Delete')
      },
      trans
    );
    if (isConfirmed) {
      await act(props.onApply);
    }
  };
  const changed =
    JSON.stringify(drafts) !== JSON.stringify(state.rules!.map(draftOf));
  return (
    <>
      <p className="dl-mod-quiet">
        {trans.__(
          'A rule keeps the runs of the last days, and the newest ones of each job; the others go. Runs that somebody keeps never go.'
        )}
      </p>
      {problem && <Message kind="error" title={problem.message} />}
      <form
        className="dl-Form"
        noValidate
        onSubmit={event => {
          event.preventDefault();
          void save();
        }}
      >
        <RulesTable
          drafts={drafts}
          problems={problems}
          environments={state.environments}
          disabled={busy}
          onChange={edit}
          trans={trans}
        />
        <div className="dl-Form-submit">
          <button
            type="submit"
            className="jp-mod-styled jp-mod-accept"
            disabled={busy || !changed}
          >
            {trans.__('Save the rules')}
          </button>
          <button
            type="button"
            className="dl-Button"
            disabled={busy}
            onClick={() => void preview()}
          >
            {trans.__('Preview')}
          </button>
          {state.rules!.length > 0 && !changed && (
            <button
              type="button"
              className="dl-Button"
              disabled={busy}
              onClick={() => void apply()}
            >
              {trans.__('Apply now…')}
            </button>
          )}
          <span className="dl-mod-quiet">
            {changed
              ? trans.__('Not saved yet.')
              : trans.__('The engine applies saved rules once an hour.')}
          </span>
        </div>
      </form>
      <div aria-live="polite">
        {state.preview && (
          <RetentionPreview
            preview={state.preview}
            onOpenRun={props.onOpenRun}
            trans={trans}
          />
        )}
        {state.removed && (
          <Message
            kind="info"
            title={trans._n(
              '%1 run was deleted',
              '%1 runs were deleted',
              state.removed.runs
            )}
          >
            <p>
              {trans.__('%1 were freed.', formatBytes(state.removed.bytes))}
            </p>
          </Message>
        )}
      </div>
    </>
  );
}

function draftOf(rule: RetentionRule): RuleDraft {
  return {
    environment: rule.environment ?? '',
    state: rule.state ?? '',
    days: numberText(rule.days),
    last: numberText(rule.last)
  };
}

function readWholeNumber(
  text: string,
  name: string,
  problems: { [name: string]: string },
  trans: TranslationBundle
): number | null {
  return readNumber(text, name, { whole: true, from: 0 }, problems, trans);
}
