import { TranslationBundle } from '@jupyterlab/translation';
import React, { useId } from 'react';

import type { JSONValue } from '../../../api';
import { Check } from '../../../shared/components/Check';
import { KindIcon } from '../../../shared/components/KindIcon';
import { Message } from '../../../shared/components/Message';
import { labelOfKind } from '../../../shared/kinds';
import type { EditedStep, PipelineDocument, PipelineState } from '../document';
import { isMapping } from '../edits';
import type { Lookups } from '../lookups';
import type { Path } from '../yaml12';
import { ConditionField } from './ConditionField';
import { FanOutFields } from './FanOutFields';
import {
  asText,
  ChoiceField,
  idOf,
  LinesField,
  MemberField,
  numberOrText,
  Part,
  problemAt
} from './fields';
import { FilesFields } from './FilesFields';
import { NeedsList } from './NeedsList';
import { PathField } from './PathField';
import type { Available } from './ReferenceField';
import { SettingsFields } from './SettingsFields';
import { WithFields } from './WithFields';

/** The members that have a field of their own, where their problems stand. */
const WITH_FIELD = new Set([
  ...['notebook', 'script', 'command', 'approve', 'title', 'needs', 'if'],
  ...['run_if', 'for_each', 'with', 'files', 'outputs', 'image', 'kernel'],
  ...['resources', 'retries', 'timeout', 'env', 'reuse']
]);

/** The panel with all that can be said of one step. */
export function StepProperties(props: {
  step: EditedStep;
  document: PipelineDocument;
  state: PipelineState;
  lookups: Lookups;
  disabled: boolean;
  /** Make an edit; tell when it is refused. */
  onEdit: (edit: () => void) => void;
  /** Ask for a file, and return its path from the folder of the pipeline. */
  onBrowse: (kind: 'notebook' | 'script') => Promise<string | null>;
  onOpen: (step: string) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { step, document, state, lookups, disabled, onEdit, trans } = props;
  const { id, kind, value } = step;
  const part: Part = {
    id: useId(),
    path: ['steps', id],
    problems: state.problems,
    disabled,
    set: (path: Path, member: JSONValue | undefined) =>
      onEdit(() => document.set(id, path, member)),
    trans
  };
  const before = document.before(id);
  const earlier = state.steps.filter(other => before.has(other.id));
  const available: Available = {
    parameters: Object.keys(state.parameters),
    steps: earlier
      .filter(other => other.kind !== 'approval')
      .map(other => ({
        id: other.id,
        values: () => (other.path && lookups.values(other.path)) || []
      }))
  };
  const given = isMapping(value.with) ? value.with : {};
  const general = state.problems.filter(
    ({ path, step: owner }) =>
      owner === id && !WITH_FIELD.has(String(path[2] ?? ''))
  );
  return (
    <section
      className="dl-Form dl-Properties"
      aria-label={trans.__('Step %1', id)}
    >
      <h2>
        <KindIcon kind={kind} trans={trans} />
        {id}
        <span className="dl-mod-quiet">{labelOfKind(kind, trans)}</span>
      </h2>
      {general.map(problem => (
        <Message key={problem.message} kind="error" title={problem.message} />
      ))}
      <MemberField
        part={part}
        path={['title']}
        value={value.title}
        label={trans.__('Title')}
        placeholder={id}
      />
      {(kind === 'notebook' || kind === 'script') && (
        <PathField
          part={part}
          kind={kind}
          value={step.path ?? ''}
          files={lookups.files() ?? []}
          onBrowse={props.onBrowse}
          onOpen={() => props.onOpen(id)}
        />
      )}
      {kind === 'command' && (
        <LinesField
          part={part}
          path={['command']}
          value={value.command}
          label={trans.__('Command')}
          hint={trans.__('one word a line; no shell reads them')}
        />
      )}
      {kind === 'approval' && <ApprovalFields part={part} value={value} />}
      <NeedsList
        step={step}
        document={document}
        steps={state.steps}
        problem={problemAt(part, 'needs')}
        disabled={disabled}
        onEdit={onEdit}
        trans={trans}
      />
      <fieldset className="dl-Group">
        <legend>{trans.__('When it runs')}</legend>
        <ChoiceField
          id={idOf(part, 'run_if')}
          label={trans.__('Runs when')}
          problem={problemAt(part, 'run_if')}
          value={step.run_if}
          options={[
            ['all_success', trans.__('all needed steps succeeded')],
            ['at_least_one_success', trans.__('one or more succeeded')],
            ['none_failed', trans.__('none failed, one or more succeeded')],
            ['all_done', trans.__('all have ended, in whatever state')],
            ['at_least_one_failed', trans.__('one or more failed')],
            ['all_failed', trans.__('all failed')],
            ['always', trans.__('always, also after a cancel or a timeout')]
          ]}
          disabled={disabled}
          onChoose={rule =>
            part.set(['run_if'], rule === 'all_success' ? undefined : rule)
          }
        />
        <ConditionField
          part={part}
          condition={step.condition}
          available={available}
        />
        {kind !== 'approval' && (
          <FanOutFields part={part} value={value.for_each} />
        )}
        {kind !== 'approval' && (
          <Check
            label={trans.__('Runs also when it could reuse a result')}
            checked={value.reuse === false}
            disabled={disabled}
            onChange={checked =>
              part.set(['reuse'], checked ? false : undefined)
            }
          />
        )}
        <Check
          label={trans.__('Disabled')}
          description={trans.__('It never runs.')}
          checked={step.disabled}
          disabled={disabled}
          onChange={checked => part.set(['disabled'], checked || undefined)}
        />
      </fieldset>
      {kind !== 'approval' && (
        <>
          <WithFields
            part={part}
            given={given}
            inspection={
              step.path === null ? null : lookups.inspection(step.path)
            }
            available={available}
          />
          <FilesFields
            part={part}
            files={value.files}
            givers={earlier
              .filter(other => other.kind !== 'approval')
              .map(other => other.id)}
          />
          <LinesField
            part={part}
            path={['outputs']}
            value={value.outputs}
            label={trans.__('Files that it must leave')}
            hint={trans.__('one pattern a line')}
          />
          <SettingsFields
            part={part}
            value={value}
            defaults={state.defaults}
            kind={kind}
            placements={lookups.placements()}
            kernels={lookups.kernels()}
          />
        </>
      )}
    </section>
  );
}

function ApprovalFields(props: {
  part: Part;
  value: { [name: string]: JSONValue };
}): JSX.Element {
  const { part, value } = props;
  const { trans } = part;
  const approve = isMapping(value.approve) ? value.approve : {};
  return (
    <>
      <MemberField
        part={part}
        path={['approve', 'ask']}
        value={asText(approve.ask)}
        label={trans.__('Question')}
        rows={2}
        required
      />
      <LinesField
        part={part}
        path={['approve', 'who']}
        value={approve.who}
        label={trans.__('People who may decide')}
        hint={trans.__('one id a line')}
        placeholder={trans.__('whoever may run it')}
      />
      <MemberField
        part={part}
        path={['approve', 'within']}
        value={approve.within}
        read={numberOrText}
        label={trans.__('Time to decide')}
        hint={trans.__('such as 24h')}
        placeholder={trans.__('as long as it takes')}
      />
    </>
  );
}
