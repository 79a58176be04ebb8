import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Backfill, Schedule } from '../../api';
import { Check } from '../../shared/components/Check';
import { Message } from '../../shared/components/Message';
import { Trouble } from '../../shared/components/Trouble';
import {
  BackfillDraft,
  BackfillState,
  MAX_CONCURRENCY
} from '../backfillModel';
import type { Words } from '../words';
import { localOf } from '../zones';
import { BackfillGrid } from './BackfillGrid';
import { DraftText, SelectField } from './DraftFields';

type Props = {
  state: BackfillState;
  words: Words;
  onEdit: (change: Partial<BackfillDraft>) => void;
  onStart: () => void;
  onAgain: (backfill: Backfill) => void;
  onCancel: () => void;
  onRetry: () => void;
  trans: TranslationBundle;
};

/** The ticks of a span of the past, which of them would run now, and how far the newest backfills are. */
export function BackfillPage(props: Props): JSX.Element {
  const { state, trans } = props;
  const { schedule, trouble } = state;
  const explained = trouble && (
    <Trouble problem={trouble} onRetry={props.onRetry} trans={trans} />
  );
  if (!schedule) {
    return explained ?? <p className="dl-Empty">{trans.__('Loading…')}</p>;
  }
  return (
    <>
      <h1>{trans.__('Backfill of %1', schedule.name)}</h1>
      <p className="dl-NextStarts-words">
        {props.words(schedule.rule, schedule.timezone)}
      </p>
      <p>
        {trans.__(
          'Starts of the past run now: version %1, on the data of now, with the dates of their own times.',
          schedule.version_number
        )}
      </p>
      {explained}
      <Progress {...props} schedule={schedule} />
      <form
        aria-label={trans.__('Backfill')}
        onSubmit={event => {
          event.preventDefault();
          props.onStart();
        }}
      >
        <Wishes {...props} schedule={schedule} />
        <Outcome {...props} schedule={schedule} />
      </form>
    </>
  );
}

function Wishes(props: Props & { schedule: Schedule }): JSX.Element {
  const { state, schedule, onEdit, trans } = props;
  const { draft, problems, busy } = state;
  const fields = { draft, problems, disabled: busy, onChange: onEdit };
  return (
    <>
      <div className="dl-Backfill-fields">
        <DraftText
          {...fields}
          name="first"
          type="datetime-local"
          label={trans.__('From')}
          hint={schedule.timezone}
        />
        <DraftText
          {...fields}
          name="last"
          type="datetime-local"
          label={trans.__('To')}
          hint={schedule.timezone}
        />
        <SelectField
          id="dl-backfill-scope"
          label={trans.__('Which')}
          value={draft.scope ?? 'missing'}
          options={[
            ['missing', trans.__('Missing ones')],
            ['missing_and_failed', trans.__('Missing and failed ones')],
            ['failed', trans.__('Failed ones')],
            ['all', trans.__('All')]
          ]}
          disabled={busy}
          onChange={scope => onEdit({ scope: scope as BackfillDraft['scope'] })}
        />
        <DraftText
          {...fields}
          name="concurrency"
          type="number"
          min={1}
          max={MAX_CONCURRENCY}
          label={trans.__('At once')}
          hint={trans.__('runs')}
        />
        <SelectField
          id="dl-backfill-order"
          label={trans.__('Order')}
          value={draft.newestFirst ? 'newest' : 'oldest'}
          options={[
            ['oldest', trans.__('Oldest first')],
            ['newest', trans.__('Newest first')]
          ]}
          disabled={busy}
          onChange={order => onEdit({ newestFirst: order === 'newest' })}
        />
      </div>
      <Check
        label={trans.__('Tell people of the runs that fail')}
        checked={draft.tells}
        disabled={busy}
        onChange={tells => onEdit({ tells })}
      />
    </>
  );
}

function Outcome(props: Props & { schedule: Schedule }): JSX.Element {
  const { state, schedule, trans } = props;
  const { cells, previewProblem, busy } = state;
  const count = cells?.filter(cell => cell.runs).length ?? 0;
  return (
    <>
      <div aria-live="polite">
        {previewProblem && (
          <Message kind="error" title={previewProblem.message} />
        )}
        {cells && (
          <p>
            {trans._n(
              '%2 of %1 start would run.',
              '%2 of %1 starts would run.',
              cells.length,
              count
            )}
          </p>
        )}
      </div>
      <p className="dl-Buttons">
        <button
          type="submit"
          className="jp-mod-styled jp-mod-accept"
          disabled={busy || count === 0}
        >
          {count
            ? trans._n('Run %1 start', 'Run %1 starts', count)
            : trans.__('Nothing to run')}
        </button>
      </p>
      {cells && cells.length > 0 && (
        <BackfillGrid
          cells={cells}
          timezone={schedule.timezone}
          trans={trans}
        />
      )}
    </>
  );
}

function Progress(props: Props & { schedule: Schedule }): JSX.Element | null {
  const { state, trans } = props;
  const { backfills } = state;
  if (!backfills.length) {
    return null;
  }
  return (
    <section aria-labelledby="dl-backfills">
      <h2 id="dl-backfills">{trans.__('Backfills')}</h2>
      <ul className="dl-Backfills">
        {backfills.map(backfill => (
          <ProgressRow key={backfill.id} {...props} backfill={backfill} />
        ))}
      </ul>
    </section>
  );
}

function ProgressRow(
  props: Props & { schedule: Schedule; backfill: Backfill }
): JSX.Element {
  const { backfill, schedule, state, trans } = props;
  const { waiting, running, done, failed, skipped } = backfill;
  const ended = done + failed + skipped;
  const all = ended + waiting + running;
  const time = (instant: string) =>
    localOf(instant, schedule.timezone).replace('T', ' ');
  const span =
    backfill.first === backfill.last
      ? time(backfill.first)
      : `${time(backfill.first)} – ${time(backfill.last)}`;
  const numbers = [
    trans.__('%1 of %2 done', done, all),
    failed > 0 && trans.__('%1 failed', failed),
    running > 0 && trans.__('%1 running', running),
    waiting > 0 && trans.__('%1 waiting', waiting),
    skipped > 0 && trans.__('%1 cancelled', skipped)
  ].filter(Boolean);
  return (
    <li data-backfill={backfill.id}>
      <span>{span}</span>
      <progress
        value={ended}
        max={all}
        aria-label={trans.__('Progress of the backfill of %1', span)}
      />
      <span>{numbers.join(', ')}</span>
      {waiting > 0 && (
        <button
          type="button"
          className="dl-Button"
          disabled={state.busy}
          onClick={props.onCancel}
        >
          {trans.__('Cancel what waits')}
        </button>
      )}
      {failed > 0 && waiting + running === 0 && (
        <button
          type="button"
          className="dl-Button"
          disabled={state.busy}
          onClick={() => props.onAgain(backfill)}
        >
          {trans.__('Again only the failed')}
        </button>
      )}
    </li>
  );
}
