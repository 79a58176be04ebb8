import { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect } from '@jupyterlab/ui-components';
import React, { useEffect, useState } from 'react';

import { AuditFilter, NO_FILTER } from '../audit';

const TYPING_MS = 300;

/** The filters of the audit trail. A text counts when nobody types any more. */
export function AuditFilters(props: {
  filter: AuditFilter;
  environments: string[];
  onFilter: (filter: AuditFilter) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { filter, onFilter, trans } = props;
  const [actor, setActor] = useState(filter.actor);
  useEffect(() => {
    if (actor === filter.actor) {
      return;
    }
    const timer = setTimeout(() => onFilter({ ...filter, actor }), TYPING_MS);
    return () => clearTimeout(timer);
  }, [actor, filter, onFilter]);
  const day = (name: 'firstDay' | 'lastDay', label: string) => (
    <label className="dl-Audit-day">
      {label}
      <input
        type="date"
        className="jp-mod-styled"
        value={filter[name]}
        onChange={event => onFilter({ ...filter, [name]: event.target.value })}
      />
    </label>
  );
  return (
    <div className="dl-FilterBar dl-Form dl-Audit-filters" role="search">
      <input
        type="search"
        className="jp-mod-styled"
        placeholder={trans.__('Id of a person')}
        aria-label={trans.__('Filter entries by the id of a person')}
        value={actor}
        onChange={event => setActor(event.target.value.trim())}
      />
      <Choice
        label={trans.__('Filter entries by object')}
        value={filter.objectKind}
        options={[['', trans.__('All objects')], ...objectLabels(trans)]}
        onChange={objectKind => onFilter({ ...filter, objectKind })}
      />
      <Choice
        label={trans.__('Filter entries by environment')}
        value={filter.environment}
        options={[
          ['', trans.__('All environments')],
          ...props.environments.map((name): [string, string] => [name, name])
        ]}
        onChange={environment => onFilter({ ...filter, environment })}
      />
      <Choice
        label={trans.__('Filter entries by outcome')}
        value={filter.outcome}
        options={[
          ['', trans.__('Done and refused')],
          ['done', trans.__('Done')],
          ['refused', trans.__('Refused')]
        ]}
        onChange={outcome => onFilter({ ...filter, outcome })}
      />
      {day('firstDay', trans.__('From'))}
      {day('lastDay', trans.__('To'))}
      {filter !== NO_FILTER && (
        <button
          type="button"
          className="dl-Button"
          onClick={() => {
            setActor('');
            onFilter(NO_FILTER);
          }}
        >
          {trans.__('Clear')}
        </button>
      )}
    </div>
  );
}

function Choice(props: {
  label: string;
  value: string;
  options: [string, string][];
  onChange: (value: string) => void;
}): JSX.Element {
  return (
    <HTMLSelect
      aria-label={props.label}
      value={props.value}
      onChange={event => props.onChange(event.target.value)}
    >
      {props.options.map(([value, label]) => (
        <option key={value} value={value}>
          {label}
        </option>
      ))}
    </HTMLSelect>
  );
}

function objectLabels(trans: TranslationBundle): [string, string][] {
  return [
    ['job', trans.__('Jobs')],
    ['run', trans.__('Runs')],
    ['schedule', trans.__('Schedules')],
    ['environment', trans.__('Environments')],
    ['variable', trans.__('Variables')],
    ['secret', trans.__('Secrets')],
    ['image', trans.__('Images')],
    ['project', trans.__('Projects')],
    ['calendar', trans.__('Calendars')],
    ['retention', trans.__('Retention')],
    ['workspace', trans.__('Workspaces')],
    ['installation', trans.__('Installation')]
  ];
}
