import { TranslationBundle } from '@jupyterlab/translation';
import React, { useLayoutEffect, useRef } from 'react';

import type { ImageTask } from '../../api';
import { PhaseLabel } from '../../shared/components/StateLabel';
import { RelativeTime } from '../../shared/components/Times';
import { reportFailure } from '../../shared/report';

const SHOWN = 5;

/** The work on images: the tasks that go on, and how the last ones ended. */
export function Tasks(props: {
  tasks: ImageTask[];
  onCancel: (task: string) => Promise<void>;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { trans } = props;
  const tasks = props.tasks.slice(0, SHOWN);
  if (!tasks.length) {
    return null;
  }
  return (
    <ul className="dl-Tasks" aria-live="polite">
      {tasks.map(task => (
        <li key={task.id} data-task={task.kind} data-state={task.state}>
          <details open={task.state === 'running' || undefined}>
            <summary>
              <PhaseLabel
                phase={phaseOf(task)}
                label={
                  task.state === 'interrupted'
                    ? trans.__('Interrupted')
                    : undefined
                }
                trans={trans}
              />{' '}
              {titleOf(task, trans)}{' '}
              <span className="dl-mod-quiet">
                <RelativeTime instant={task.created_at} trans={trans} />{' '}
                {trans.__('by %1', task.created_by.name)}
              </span>
              {task.error && (
                <span className="dl-Field-problem">{task.error.message}</span>
              )}
            </summary>
            {task.state === 'running' && !task.error && (
              <button
                className="dl-Button"
                aria-label={trans.__('Cancel %1', titleOf(task, trans))}
                onClick={() =>
                  void props.onCancel(task.id).catch(reportFailure)
                }
              >
                {trans.__('Cancel')}
              </button>
            )}
            {task.log && <TaskLog task={task} trans={trans} />}
          </details>
        </li>
      ))}
    </ul>
  );
}

const PHASES: { [state in ImageTask['state']]: string } = {
  running: 'running',
  succeeded: 'succeeded',
  failed: 'failed',
  interrupted: 'lost'
};

function phaseOf({ state, error }: ImageTask): string {
  if (error?.code === 'task_cancelled') {
    return state === 'running' ? 'cancelling' : 'cancelled';
  }
  return PHASES[state];
}

function titleOf(task: ImageTask, trans: TranslationBundle): string {
  const titles: { [kind: string]: string } = {
    add: trans.__('Adding %1', task.image),
    probe: trans.__('Probing %1', task.image),
    build: trans.__('Building %1', task.image)
  };
  return titles[task.kind] ?? `${task.kind} ${task.image}`;
}

function TaskLog(props: {
  task: ImageTask;
  trans: TranslationBundle;
}): JSX.Element {
  const { task, trans } = props;
  const node = useRef<HTMLPreElement>(null);
  useLayoutEffect(() => {
    if (node.current) {
      node.current.scrollTop = node.current.scrollHeight;
    }
  }, [task.log]);
  return (
    <pre
      ref={node}
      className="dl-Log"
      tabIndex={0}
      aria-label={trans.__('Log of %1', titleOf(task, trans))}
      // Without this, a screen reader would read out each new line.
      aria-live="off"
    >
      {task.log}
    </pre>
  );
}
