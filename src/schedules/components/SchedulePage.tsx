import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Schedule } from '../../api';
import { Message } from '../../shared/components/Message';
import { StateLabel } from '../../shared/components/StateLabel';
import { RelativeTime } from '../../shared/components/Times';
import { Trouble } from '../../shared/components/Trouble';
import { formatValue } from '../../shared/format';
import type { SchedulePageState } from '../pageModel';
import { foreseenWords } from '../states';
import type { Words } from '../words';
import { DecisionLog } from './DecisionLog';
import { ScheduleLabel } from './ScheduleLabel';
import { EngineEnd } from './EngineEnd';
import { WebhookSection } from './WebhookSection';

/** The rules that follow the clock, and so have starts of the past. */
const TIME_RULES = ['cron', 'interval', 'once', 'business_day'];

type Props = {
  state: SchedulePageState;
  words: Words;
  /** The choice of this person: of what they hear. */
  bell?: React.ReactNode;
  onRunNow: (schedule: Schedule) => void;
  onPause: (schedule: Schedule) => void;
  onResume: (schedule: Schedule) => void;
  onEdit: (schedule: Schedule) => void;
  onBackfill: (schedule: Schedule) => void;
  onDelete: (schedule: Schedule) => void;
  onTakeOver: (schedule: Schedule) => void;
  onUpdate: (schedule: Schedule) => void;
  onNewSecret: (schedule: Schedule) => Promise<string | null>;
  /** Return the whole address of a webhook. */
  addressOf: (path: string) => string;
  onOpenRun: (run: string) => void;
  onFilter: (state: string) => void;
  onMore: () => void;
  onRetry: () => void;
  trans: TranslationBundle;
};

/** The page of a schedule: its state and settings, what a person can do, and the decision log. */
export function SchedulePage(props: Props): JSX.Element {
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
      <div className="dl-SchedulePage-head">
        <h1>{schedule.name}</h1>
        <ScheduleLabel schedule={schedule} trans={trans} />
      </div>
      <p className="dl-NextStarts-words">
        {props.words(schedule.rule, schedule.timezone)}
      </p>
      {explained}
      <Actions {...props} schedule={schedule} />
      <Warnings {...props} schedule={schedule} />
      <Facts {...props} schedule={schedule} />
      {props.bell}
      {schedule.webhook && (
        <WebhookSection
          webhook={schedule.webhook}
          address={props.addressOf(schedule.webhook.path)}
          places={
            schedule.rule.kind === 'webhook'
              ? (schedule.rule.parameters ?? {})
              : {}
          }
          onNewSecret={() => props.onNewSecret(schedule)}
          trans={trans}
        />
      )}
      <DecisionLog
        ticks={state.ticks}
        timezone={schedule.timezone}
        filter={state.filter}
        hasMore={state.hasMore}
        onFilter={props.onFilter}
        onMore={props.onMore}
        onOpenRun={props.onOpenRun}
        trans={trans}
      />
      {state.status && <EngineEnd status={state.status} trans={trans} />}
    </>
  );
}

function Actions(props: Props & { schedule: Schedule }): JSX.Element {
  const { schedule, trans } = props;
  return (
    <p className="dl-Buttons">
      <Act label={trans.__('Run now')} onAct={() => props.onRunNow(schedule)} />
      {schedule.pause ? (
        <Act
          label={trans.__('Resume')}
          onAct={() => props.onResume(schedule)}
        />
      ) : (
        <Act label={trans.__('Pause')} onAct={() => props.onPause(schedule)} />
      )}
      {TIME_RULES.includes(schedule.rule.kind) && (
        <Act
          label={trans.__('Backfill…')}
          onAct={() => props.onBackfill(schedule)}
        />
      )}
      <Act label={trans.__('Change…')} onAct={() => props.onEdit(schedule)} />
      <Act label={trans.__('Delete…')} onAct={() => props.onDelete(schedule)} />
    </p>
  );
}

function Act(props: { label: string; onAct: () => void }): JSX.Element {
  return (
    <button type="button" className="dl-Button" onClick={props.onAct}>
      {props.label}
    </button>
  );
}

function Warnings(props: Props & { schedule: Schedule }): JSX.Element {
  const { schedule, trans } = props;
  const { pause, orphaned, refusal, drift } = schedule;
  return (
    <>
      {orphaned !== null && (
        <Message kind="error" title={orphaned}>
          <p>
            <Act
              label={trans.__('Take over')}
              onAct={() => props.onTakeOver(schedule)}
            />
          </p>
        </Message>
      )}
      {refusal !== null && (
        <Message kind="error" title={trans.__('The last start was refused.')}>
          <p>{refusal}</p>
        </Message>
      )}
      {schedule.foreseen_late_s !== null && (
        <Message
          kind="warning"
          title={foreseenWords(schedule.foreseen_late_s, trans)}
        >
          <p>
            {trans.__(
              'That follows from the time that the last runs took. It is told once.'
            )}
          </p>
        </Message>
      )}
      {pause && (
        <Message
          kind="info"
          title={trans.__('%1 paused it. Nothing starts.', pause.by.name)}
        >
          {pause.why && <p>{pause.why}</p>}
        </Message>
      )}
      {drift?.problem && <Message kind="warning" title={drift.problem} />}
      {drift?.moved_on && (
        <Message
          kind="warning"
          title={trans.__(
            'The working file has moved on. The schedule still runs version %1.',
            schedule.version_number
          )}
        >
          <ul>
            {drift.changes.map(change => (
              <li key={change}>{change}</li>
            ))}
          </ul>
          <p>
            <Act
              label={trans.__('Update')}
              onAct={() => props.onUpdate(schedule)}
            />
          </p>
        </Message>
      )}
    </>
  );
}

function Facts(props: Props & { schedule: Schedule }): JSX.Element {
  const { schedule, trans } = props;
  const { next_at: next, last_run: run } = schedule;
  const values = [
    ...Object.entries(schedule.parameters).map(
      ([name, value]) => `${name} = ${formatValue(value)}`
    ),
    ...Object.entries(schedule.dates).map(([name, date]) => `${name}: ${date}`)
  ];
  const facts: [string, React.ReactNode][] = [
    [
      trans.__('Runs'),
      trans.__(
        '%1, version %2, in %3',
        schedule.job_name,
        schedule.version_number,
        schedule.environment
      )
    ],
    [
      trans.__('Next run'),
      next ? <RelativeTime instant={next} trans={trans} /> : '–'
    ],
    [
      trans.__('Last run'),
      run ? (
        <>
          <StateLabel run={run} trans={trans} />{' '}
          <RelativeTime instant={run.created_at} trans={trans} />
        </>
      ) : (
        '–'
      )
    ],
    [trans.__('Owner'), schedule.owner.name],
    ...(values.length
      ? [[trans.__('Parameters'), values.join(', ')] as [string, string]]
      : []),
    ...(schedule.presets.length
      ? [
          [
            trans.__('Presets'),
            schedule.presets.map(({ name }) => name).join(', ')
          ] as [string, string]
        ]
      : [])
  ];
  return (
    <table className="dl-Table dl-mod-facts">
      <tbody>
        {facts.map(([name, value]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>{value}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
