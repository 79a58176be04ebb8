import { TranslationBundle } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import React from 'react';

import type { Comparison as Compared, Problem, Run } from '../../api';
import { Trouble } from '../../shared/components/Trouble';
import { hasParts } from '../../shared/runs';
import { CommandIDs } from '../../tokens';
import { Tab, tabsOf, ViewState } from '../view';
import { Comparison } from './Comparison';
import { Damage } from './Damage';
import { Outcome } from './Outcome';
import { RecordHeader } from './RecordHeader';
import { Tabs } from '../../shared/components/Tabs';

/** Everything above the open tab of the record. */
export function RecordHead(props: {
  run: Run | null;
  failingNumber: number | null;
  /** The comparison of a run that did not succeed; null before it was read. */
  comparison: Compared | null;
  isMine: boolean;
  mayChange: boolean;
  trouble: Problem | null;
  view: ViewState;
  panelOf: (tab: string) => string;
  onSelect: (tab: Tab) => void;
  onShowCell: (cell: number) => void;
  onFollow: () => void;
  onRetry: () => void;
  commands: CommandRegistry;
  trans: TranslationBundle;
}): JSX.Element {
  const { run, trouble, view, commands, trans } = props;
  const explained = trouble && (
    <Trouble problem={trouble} onRetry={props.onRetry} trans={trans} />
  );
  if (!run) {
    return explained ?? <p className="dl-Empty">{trans.__('Loading…')}</p>;
  }
  const labels: { [tab in Tab]: string } = {
    notebook: trans.__('Notebook'),
    report: trans.__('Report'),
    steps: trans.__('Steps'),
    points: trans.__('Points'),
    log: trans.__('Log'),
    parameters: hasParts(run)
      ? trans.__('Parameters')
      : trans.__('Parameters and values'),
    artifacts: run.artifacts.length
      ? trans.__('Artifacts (%1)', run.artifacts.length)
      : trans.__('Artifacts')
  };
  const tabs = tabsOf(run.kind).map(id => ({ id, label: labels[id] }));
  return (
    <>
      <RecordHeader
        run={run}
        isMine={props.isMine}
        mayChange={props.mayChange}
        commands={commands}
        trans={trans}
      />
      {/* The damaged files are listed below by name. */}
      {trouble?.code !== 'damaged' && explained}
      <Damage run={run} trans={trans} />
      <Outcome
        run={run}
        failingNumber={props.failingNumber}
        onShowCell={props.onShowCell}
        onOpenNotebook={() =>
          void commands.execute(CommandIDs.openNotebook, { id: run.id })
        }
        onShowLog={() => props.onSelect('log')}
        onTakeAlong={() =>
          void commands.execute(CommandIDs.takeAlong, { id: run.id })
        }
        onReproduce={() =>
          void commands.execute(CommandIDs.reproduce, { id: run.id })
        }
        trans={trans}
      >
        {props.comparison && (
          <Comparison
            comparison={props.comparison}
            onOpen={id => void commands.execute(CommandIDs.openRun, { id })}
            trans={trans}
          />
        )}
      </Outcome>
      <div className="dl-Record-bar">
        <Tabs
          tabs={tabs}
          selected={view.tab}
          label={trans.__('Parts of the record')}
          panelOf={props.panelOf}
          onSelect={tab => props.onSelect(tab as Tab)}
        />
        {run.state === 'active' &&
          !view.following &&
          view.tab === 'notebook' && (
            <button className="dl-Button" onClick={props.onFollow}>
              {trans.__('Follow the running cell')}
            </button>
          )}
      </div>
    </>
  );
}
