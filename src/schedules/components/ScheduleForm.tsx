import { TranslationBundle } from '@jupyterlab/translation';
import React, { useEffect, useRef } from 'react';

import type { Parameter } from '../../api';
import type { Draft } from '../../jobs/drafts';
import { ParameterField } from '../../jobs/components/ParameterField';
import { Field } from '../../shared/components/Field';
import { TextField } from '../../shared/components/TextField';
import { Trouble } from '../../shared/components/Trouble';
import type { ScheduleDraft } from '../draft';
import type { ScheduleFormState } from '../formModel';
import { readRule, RuleDraft } from '../rule';
import type { Words } from '../words';
import { MoreFields } from './MoreFields';
import { NextStarts } from './NextStarts';
import { WhenFields } from './WhenFields';

type Props = {
  state: ScheduleFormState;
  title: string;
  /** Where it runs, in a sentence. */
  place: string;
  words: Words;
  onEdit: (change: Partial<ScheduleDraft>) => void;
  onRule: (change: Partial<RuleDraft>) => void;
  onValue: (parameter: string, value: Draft) => void;
  onDate: (parameter: string, date: string) => void;
  onSave: () => void;
  onReload: () => void;
  trans: TranslationBundle;
};

/** The form of a schedule: when it starts, with which parameters, and the rarer choices under *More*. */
export function ScheduleForm(props: Props): JSX.Element {
  const { state, trans } = props;
  const { draft, problems, saving } = state;
  const form = useRef<HTMLFormElement>(null);
  const wasSaved = useRef(false);
  useEffect(() => {
    if (wasSaved.current && !saving) {
      wasSaved.current = false;
      // The focus goes to the first wrong field, so the person who pressed the button need not look for it.
      form.current?.querySelector<HTMLElement>('[aria-invalid]')?.focus();
    }
  }, [problems, saving]);
  const reading = readRule(draft.rule, draft.timezone, trans);
  const words =
    'rule' in reading && !problems.expression
      ? props.words(reading.rule, draft.timezone)
      : '';
  return (
    <form
      ref={form}
      className="dl-RunForm dl-Form dl-ScheduleForm"
      aria-label={trans.__('Schedule')}
      aria-busy={!state.isReady || saving}
      noValidate
      onSubmit={event => {
        event.preventDefault();
        wasSaved.current = true;
        props.onSave();
      }}
    >
      <div className="dl-RunForm-title">
        <h1>
          {state.schedule ? trans.__('Change schedule') : trans.__('Schedule')}
        </h1>
        <p className="dl-mod-quiet">{props.title}</p>
      </div>
      {state.trouble && (
        <Trouble
          problem={state.trouble}
          onRetry={state.isReady ? props.onSave : props.onReload}
          trans={trans}
        />
      )}
      {!state.isReady && !state.trouble && (
        <p className="dl-Empty">{trans.__('Reading %1…', props.title)}</p>
      )}
      {state.isReady && (
        <>
          <section>
            <h2>{trans.__('When')}</h2>
            <WhenFields
              draft={draft.rule}
              jobs={state.jobs}
              problems={problems}
              disabled={saving}
              onChange={props.onRule}
              trans={trans}
            />
            <NextStarts
              words={words}
              preview={state.preview}
              problem={state.previewProblem}
              trans={trans}
            />
          </section>
          {state.parameters.length > 0 && (
            <section>
              <h2>{trans.__('Parameters')}</h2>
              {state.parameters.map(parameter => (
                <ScheduledParameter
                  key={parameter.name}
                  {...props}
                  parameter={parameter}
                />
              ))}
            </section>
          )}
          <MoreFields
            draft={draft}
            calendars={state.calendars}
            problems={problems}
            disabled={saving}
            onChange={props.onEdit}
            trans={trans}
          />
          <div className="dl-RunForm-submit">
            <button
              type="submit"
              className="jp-mod-styled jp-mod-accept"
              disabled={saving}
            >
              {saving
                ? trans.__('Saving…')
                : state.schedule
                  ? trans.__('Save')
                  : trans.__('Schedule')}
            </button>
            <span className="dl-mod-quiet">{props.place}</span>
          </div>
        </>
      )}
    </form>
  );
}

const EXAMPLE_PLACE = '/order/id';
const DATED = ['date', 'datetime', 'string', 'any'];

/** A parameter with a value that stays, or with a date that is counted from the nominal time. */
function ScheduledParameter(
  props: Props & { parameter: Parameter }
): JSX.Element {
  const { state, parameter, trans } = props;
  const { name, type } = parameter;
  const date = state.dates[name] ?? '';
  const isDated = DATED.includes(type) && !parameter.choices.length;
  const problem = state.problems[`parameter-${name}`];
  const options = datesOf(type, trans);
  const { rule } = state.draft;
  const fromRequest = rule.often === 'webhook' && (
    <TextField
      id={`dl-pointer-${name}`}
      label={trans.__('%1 from the request', name)}
      hint={trans.__('place in the JSON; empty for the value above')}
      placeholder={EXAMPLE_PLACE}
      spellCheck={false}
      problem={state.problems[`pointer-${name}`]}
      value={rule.pointers[name] ?? ''}
      disabled={state.saving}
      onChange={place =>
        props.onRule({ pointers: { ...rule.pointers, [name]: place } })
      }
    />
  );
  if (date) {
    return (
      <Field
        id={`dl-date-${name}`}
        label={name}
        hint={trans.__('counted from the time of the start')}
        description={parameter.description}
        problem={problem}
        action={
          <button
            type="button"
            className="dl-Button dl-mod-link"
            onClick={() => props.onDate(name, '')}
          >
            {trans.__('A fixed value')}
          </button>
        }
      >
        {attributes => (
          <select
            {...attributes}
            className="jp-mod-styled"
            value={date}
            disabled={state.saving}
            onChange={event => props.onDate(name, event.target.value)}
          >
            {options.map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </select>
        )}
      </Field>
    );
  }
  return (
    <div className="dl-ScheduledParameter">
      <ParameterField
        idPrefix="dl-scheduled"
        parameter={parameter}
        draft={state.values[name]}
        problem={problem}
        disabled={state.saving}
        maySweep={false}
        onChange={value => props.onValue(name, value)}
        onLeave={() => undefined}
        trans={trans}
      />
      {isDated && (
        <button
          type="button"
          className="dl-Button dl-mod-link"
          aria-label={trans.__('A date that moves along for %1', name)}
          onClick={() => props.onDate(name, options[0][0])}
        >
          {trans.__('A date that moves along')}
        </button>
      )}
      {fromRequest}
    </div>
  );
}

/** Return the functions of the nominal time that fit a type of parameter. */
function datesOf(type: string, trans: TranslationBundle): [string, string][] {
  const days: [string, string][] = [
    ['today', trans.__('today')],
    ['yesterday', trans.__('yesterday')],
    ['tomorrow', trans.__('tomorrow')],
    ['week_start', trans.__('Monday of this week')],
    ['last_week_start', trans.__('Monday of last week')],
    ['month_start', trans.__('first of this month')],
    ['month_end', trans.__('last of this month')],
    ['last_month_start', trans.__('first of last month')],
    ['last_month_end', trans.__('last of last month')],
    ['quarter_start', trans.__('first of the quarter')],
    ['year_start', trans.__('first of the year')]
  ];
  const times: [string, string][] = [
    ['nominal_time', trans.__('time of the start')],
    ['previous_run', trans.__('time of the last success')]
  ];
  const months: [string, string][] = [
    ['this_month', trans.__('this month, as 2026-09')],
    ['last_month', trans.__('last month, as 2026-08')]
  ];
  return type === 'date'
    ? days
    : type === 'datetime'
      ? times
      : [...days, ...months, ...times];
}
