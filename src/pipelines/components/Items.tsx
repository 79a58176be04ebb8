import { TranslationBundle } from '@jupyterlab/translation';
import React, { useEffect, useRef } from 'react';

import type { PipelineStep, RunSummary } from '../../api';
import type { Filter, ListState } from '../../runs/listModel';
import { Check } from '../../shared/components/Check';
import { StateLabel } from '../../shared/components/StateLabel';
import { GapRow, Table } from '../../shared/components/Table';
import { RelativeTime, RunDuration } from '../../shared/components/Times';
import { Trouble } from '../../shared/components/Trouble';
import { useWindowed } from '../../shared/windowing';
import { nameOf } from '../steps';

const ROW_PX = 29;
const COLUMNS = 5;
/** The next page is read when so few rows below the drawn ones are left. */
const ROWS_AHEAD = 20;

export const FAILED = ['failed', 'timed_out', 'lost', 'cancelled'];

/** The items of a fan-out that have started, the newest first, with their runs. */
export function Items(props: {
  step: PipelineStep;
  list: ListState;
  onFilter: (filter: Filter) => void;
  onMore: () => void;
  onRetry: () => void;
  onOpen: (run: RunSummary) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { step, list, onFilter, onMore, trans } = props;
  const { runs, filter, hasMore, loading, trouble } = list;
  const table = useRef<HTMLTableElement>(null);
  const shown = useWindowed(runs, table, '.dl-Items-scroller', ROW_PX);
  const end = shown.first + shown.items.length;
  const isNearEnd = hasMore && !loading && end > runs.length - ROWS_AHEAD;
  useEffect(() => {
    if (isNearEnd) {
      onMore();
    }
  }, [isNearEnd, onMore]);
  const onlyFailed = filter.states.length > 0;
  const waiting = step.items?.waiting ?? 0;
  return (
    <div className="dl-Items">
      <Check
        label={trans.__('Failed only')}
        checked={onlyFailed}
        disabled={false}
        onChange={checked =>
          onFilter({ ...filter, states: checked ? FAILED : [] })
        }
      />
      {trouble && (
        <Trouble problem={trouble} onRetry={props.onRetry} trans={trans} />
      )}
      {runs.length > 0 && (
        <div className="dl-Items-scroller">
          <Table
            table={table}
            aria-label={trans.__('Items of %1', nameOf(step))}
            aria-rowcount={hasMore ? -1 : runs.length + 1}
            columns={[
              trans.__('Item'),
              trans.__('State'),
              trans.__('Started'),
              trans.__('Duration'),
              trans.__('Reason')
            ]}
          >
            <GapRow height={shown.before} columns={COLUMNS} />
            {shown.items.map((run, at) => (
              <Item
                key={run.id}
                {...props}
                run={run}
                index={shown.first + at}
                measure={shown.measure}
              />
            ))}
            <GapRow height={shown.after} columns={COLUMNS} />
          </Table>
        </div>
      )}
      {!runs.length && !loading && !trouble && (
        <p className="dl-Empty">
          {onlyFailed
            ? trans.__('No item failed.')
            : trans.__('No item has started.')}
        </p>
      )}
      {waiting > 0 && !onlyFailed && (
        <p className="dl-mod-quiet">
          {trans._n('%1 more item waits.', '%1 more items wait.', waiting)}
        </p>
      )}
    </div>
  );
}

function Item(props: {
  step: PipelineStep;
  run: RunSummary;
  index: number;
  measure: (node: Element | null) => void;
  onOpen: (run: RunSummary) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { step, run, trans } = props;
  return (
    <tr
      ref={props.measure}
      data-run={run.id}
      data-index={props.index}
      aria-rowindex={props.index + 2}
    >
      <th scope="row">
        <button
          type="button"
          className="dl-Button dl-mod-link"
          onClick={() => props.onOpen(run)}
        >
          {run.parent?.key.slice(step.id.length + 1) || run.job.name}
        </button>
      </th>
      <td>
        <StateLabel run={run} trans={trans} />
      </td>
      <td>
        {run.started_at && (
          <RelativeTime instant={run.started_at} trans={trans} />
        )}
      </td>
      <td className="dl-mod-number">
        <RunDuration run={run} />
      </td>
      <td className="dl-mod-break">{run.reason?.message}</td>
    </tr>
  );
}
