import { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect } from '@jupyterlab/ui-components';
import React, { useEffect, useState } from 'react';

import { Trouble } from '../../shared/components/Trouble';
import type { Filter, ListState } from '../listModel';
import { RunActions, RunsTable } from './RunsTable';

const TYPING_MS = 250;

export function RunsList(
  props: RunActions & {
    list: ListState;
    onFilter: (filter: Filter) => void;
    onMore: () => void;
    onRetry: () => void;
    trans: TranslationBundle;
  }
): JSX.Element {
  const { list, trans } = props;
  const filtered = list.filter.states.length > 0 || list.filter.text !== '';
  return (
    <>
      <FilterBar filter={list.filter} onFilter={props.onFilter} trans={trans} />
      {list.trouble ? (
        <Trouble problem={list.trouble} onRetry={props.onRetry} trans={trans} />
      ) : list.runs.length ? (
        <RunsTable {...props} runs={list.runs} />
      ) : (
        !list.loading && (
          <p className="dl-Empty">
            {filtered
              ? trans.__('No run fits the filter.')
              : trans.__(
                  'Nothing has run yet. Open a notebook and press “Run as job” in its toolbar.'
                )}
          </p>
        )
      )}
      {list.hasMore && !list.trouble && (
        <button
          className="dl-Button dl-RunsList-more"
          disabled={list.loading}
          onClick={props.onMore}
        >
          {list.loading ? trans.__('Loading…') : trans.__('Load more')}
        </button>
      )}
    </>
  );
}

function FilterBar(props: {
  filter: Filter;
  onFilter: (filter: Filter) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { filter, onFilter, trans } = props;
  const [text, setText] = useState(filter.text);
  useEffect(() => {
    if (text === filter.text) {
      return;
    }
    const timer = setTimeout(() => onFilter({ ...filter, text }), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text, filter, onFilter]);
  const groups: [string, string][] = [
    ['', trans.__('All states')],
    ['created,queued,retry_wait,awaiting_approval', trans.__('Waiting')],
    ['active', trans.__('Running')],
    ['succeeded', trans.__('Succeeded')],
    ['failed,timed_out,lost', trans.__('Failed, timed out or lost')],
    ['cancelled', trans.__('Cancelled')]
  ];
  return (
    <div className="dl-FilterBar" role="search">
      <input
        type="search"
        className="jp-mod-styled"
        placeholder={trans.__('Filter by name')}
        aria-label={trans.__('Filter runs by name')}
        value={text}
        onChange={event => setText(event.target.value)}
      />
      <HTMLSelect
        aria-label={trans.__('Filter runs by state')}
        value={filter.states.join(',')}
        onChange={event =>
          onFilter({
            ...filter,
            states: event.target.value ? event.target.value.split(',') : []
          })
        }
      >
        {groups.map(([states, label]) => (
          <option key={states} value={states}>
            {label}
          </option>
        ))}
      </HTMLSelect>
    </div>
  );
}
