import { TranslationBundle } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import React from 'react';

import type { Run } from '../../api';
import { Digest } from '../../shared/components/Digest';
import { KindIcon } from '../../shared/components/KindIcon';
import { RunProgress } from '../../shared/components/RunProgress';
import { StateLabel } from '../../shared/components/StateLabel';
import { RelativeTime, RunDuration } from '../../shared/components/Times';
import { shortDigest } from '../../shared/format';
import { hasParts, isTerminal } from '../../shared/runs';
import { CommandIDs } from '../../tokens';
import { CommandButton } from './CommandButton';

/** The name, state, person and times of a run, and the buttons for it. */
export function RecordHeader(props: {
  run: Run;
  isMine: boolean;
  /** True when this person may cancel, keep and delete the run. */
  mayChange: boolean;
  commands: CommandRegistry;
  trans: TranslationBundle;
}): JSX.Element {
  const { run, isMine, commands, trans } = props;
  const args = { id: run.id };
  const live = !isTerminal(run);
  return (
    <div className="dl-RecordHeader">
      <div className="dl-RecordHeader-main">
        <h1>
          {run.kind !== 'notebook' && (
            <KindIcon kind={run.kind} trans={trans} />
          )}
          {run.job.name}
          <span className="dl-mod-quiet" title={run.version.digest}>
            {trans.__('version %1', run.version.number)} ·{' '}
            <code>{shortDigest(run.version.digest)}</code>
          </span>
        </h1>
        <div className="dl-RecordHeader-facts">
          <span aria-live="polite">
            <StateLabel run={run} trans={trans} />
          </span>
          {run.state === 'active' && <RunProgress run={run} trans={trans} />}
          <RunDuration run={run} />
          <span>
            <RelativeTime
              instant={run.started_at ?? run.created_at}
              trans={trans}
            />
            {' · '}
            {isMine
              ? trans.__('by you')
              : trans.__('by %1', run.created_by.name)}
            {' · '}
            {run.environment}
            {run.image && (
              <>
                {' · '}
                {run.image.name}{' '}
                <Digest digest={run.image.digest} trans={trans} />
              </>
            )}
          </span>
          {run.parent && (
            <button
              className="dl-Button dl-mod-link"
              title={
                run.parent.kind === 'sweep'
                  ? trans.__('Open the sweep')
                  : trans.__('Open the pipeline run')
              }
              onClick={() => {
                const { id } = run.parent!;
                void commands.execute(CommandIDs.openRun, { id });
              }}
            >
              {run.parent.kind === 'sweep'
                ? trans.__('Point %1 of a sweep', run.parent.key)
                : trans.__('Step %1 of a pipeline', run.parent.key)}
            </button>
          )}
          <Relatives run={run} commands={commands} trans={trans} />
          {run.bypassed_promotion && (
            <span
              className="dl-Mark"
              title={trans.__('It ran here without having been promoted.')}
            >
              {trans.__('unpromoted')}
            </span>
          )}
          {run.kept_by !== null && (
            <span className="dl-Mark">
              {trans.__('kept by %1', run.kept_by.name)}
            </span>
          )}
        </div>
      </div>
      <div className="dl-RecordHeader-actions">
        {props.mayChange && live && (
          <CommandButton
            commands={commands}
            id={CommandIDs.cancel}
            args={args}
          />
        )}
        {hasParts(run) && !live && (
          <CommandButton
            commands={commands}
            id={CommandIDs.repair}
            args={args}
          />
        )}
        {run.kind === 'pipeline' && (
          <CommandButton
            commands={commands}
            id={CommandIDs.pipelineHistory}
            args={args}
          />
        )}
        <CommandButton commands={commands} id={CommandIDs.rerun} args={args} />
        <CommandButton
          commands={commands}
          id={CommandIDs.rerunWith}
          args={args}
        />
        {run.kind !== 'command' && (
          <CommandButton
            commands={commands}
            id={CommandIDs.openNotebook}
            args={args}
          />
        )}
        {run.digests.record && (
          <CommandButton
            commands={commands}
            id={CommandIDs.downloadRecord}
            args={args}
          />
        )}
        <CommandButton
          commands={commands}
          id={CommandIDs.jobSettings}
          args={args}
          iconOnly
        />
        {props.mayChange && !run.parent && (
          <CommandButton
            commands={commands}
            id={CommandIDs.keep}
            args={args}
            iconOnly
          />
        )}
        {props.mayChange && !live && !run.parent && (
          <CommandButton
            commands={commands}
            id={CommandIDs.deleteRun}
            args={args}
            iconOnly
          />
        )}
      </div>
    </div>
  );
}

/** Links between a run and its repairs, and from a result that was taken over to the run that made it. */
function Relatives(props: {
  run: Run;
  commands: CommandRegistry;
  trans: TranslationBundle;
}): JSX.Element {
  const { run, commands, trans } = props;
  const { kind, ref } = run.trigger;
  const links: [string, string][] = run.repairs.map((id, at) => [
    id,
    run.repairs.length === 1
      ? trans.__('Its repair')
      : trans.__('Its repair %1', at + 1)
  ]);
  if (ref && kind === 'repair') {
    links.unshift([ref, trans.__('Repair of a run')]);
  }
  if (ref && kind === 'taken_over') {
    links.unshift([ref, trans.__('Taken from another run')]);
  }
  return (
    <>
      {links.map(([id, label]) => (
        <button
          key={id}
          className="dl-Button dl-mod-link"
          title={trans.__('Open run %1', id)}
          onClick={() => void commands.execute(CommandIDs.openRun, { id })}
        >
          {label}
        </button>
      ))}
    </>
  );
}
