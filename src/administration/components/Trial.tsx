import { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect } from '@jupyterlab/ui-components';
import React, { useState } from 'react';

import type {
  Environment,
  Image,
  ImageTrial,
  ImageTrialRequest
} from '../../api';
import { useAction } from '../../shared/action';
import { Field } from '../../shared/components/Field';
import { Message } from '../../shared/components/Message';
import { PhaseLabel } from '../../shared/components/StateLabel';
import { Table } from '../../shared/components/Table';
import { formatDuration, formatValue } from '../../shared/format';

type TrialRun = ImageTrial['results'][number]['before'];

/** A trial: the jobs of another image run on this one, and the page shows what would change for them. */
export function Trial(props: {
  image: Image;
  images: Image[];
  environments: Environment[];
  trial: ImageTrial | null;
  onTrial: (request: ImageTrialRequest) => Promise<void>;
  onOpenRun: (id: string) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { image, trial, trans } = props;
  const others = props.images.filter(other => other.name !== image.name);
  const [insteadOf, setInsteadOf] = useState(others[0]?.name ?? '');
  const [chosen, setChosen] = useState<string | null>(null);
  const { busy, problem, act } = useAction();
  const environment = chosen ?? image.environments[0] ?? '';
  return (
    <section className="dl-Section" aria-labelledby="dl-image-trial">
      <h2 id="dl-image-trial">{trans.__('Trial run')}</h2>
      <p className="dl-mod-quiet">
        {trans.__(
          'Runs the last successful run of each job again, on this image, and compares.'
        )}
      </p>
      {problem && <Message kind="error" title={problem.message} />}
      {others.length > 0 && image.environments.length > 0 ? (
        <form
          className="dl-Form"
          onSubmit={event => {
            event.preventDefault();
            void act(() =>
              props.onTrial({
                image: image.name,
                instead_of: insteadOf,
                environment
              })
            );
          }}
        >
          <div className="dl-Fields">
            <Field id="dl-trial-of" label={trans.__('Jobs that ran on')}>
              {attributes => (
                <HTMLSelect
                  {...attributes}
                  value={insteadOf}
                  disabled={busy}
                  onChange={event => setInsteadOf(event.target.value)}
                >
                  {others.map(other => (
                    <option key={other.name}>{other.name}</option>
                  ))}
                </HTMLSelect>
              )}
            </Field>
            <Field id="dl-trial-environment" label={trans.__('Try them in')}>
              {attributes => (
                <HTMLSelect
                  {...attributes}
                  value={environment}
                  disabled={busy}
                  onChange={event => setChosen(event.target.value)}
                >
                  {image.environments.map(name => (
                    <option key={name}>{name}</option>
                  ))}
                </HTMLSelect>
              )}
            </Field>
          </div>
          <button type="submit" className="dl-Button" disabled={busy}>
            {trans.__('Start the trial')}
          </button>
        </form>
      ) : (
        <p className="dl-Empty">
          {trans.__(
            'Needs another image to compare with, and an environment that allows this one.'
          )}
        </p>
      )}
      {trial && <Results {...props} trial={trial} />}
    </section>
  );
}

function Results(props: {
  trial: ImageTrial;
  onOpenRun: (id: string) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { trial, trans } = props;
  const ended = trial.results.filter(
    result => result.changes.length || result.refused
  );
  const run = (trialRun: TrialRun) => (
    <>
      <button
        className="dl-Button dl-mod-link"
        aria-label={trans.__('Open the run on %1', trialRun.image ?? '')}
        onClick={() => props.onOpenRun(trialRun.id)}
      >
        <PhaseLabel phase={trialRun.state} trans={trans} />
      </button>{' '}
      {trialRun.duration_s !== null && formatDuration(trialRun.duration_s)}
      {trialRun.reason && (
        <div className="dl-mod-quiet">{trialRun.reason.message}</div>
      )}
    </>
  );
  return (
    <>
      <p aria-live="polite">
        {!trial.complete
          ? trans.__('The trial goes on…')
          : ended.length
            ? trans.__('The trial has ended, with differences.')
            : trans.__('The trial has ended.')}
      </p>
      <Table
        data-complete={trial.complete}
        columns={[
          trans.__('Job'),
          trans.__('Before'),
          trans.__('On %1', trial.image),
          trans.__('Values that differ')
        ]}
      >
        {trial.results.map(result => (
          <tr key={result.before.id}>
            <td>{result.job_name}</td>
            <td>{run(result.before)}</td>
            <td>
              {result.after
                ? run(result.after)
                : trans.__('not tried: %1', result.refused ?? '')}
            </td>
            <td>
              {result.changes.map(({ name, before, after }) => (
                <div key={name}>
                  <code>{name}</code> {formatValue(before)} →{' '}
                  {formatValue(after)}
                </div>
              ))}
            </td>
          </tr>
        ))}
      </Table>
    </>
  );
}
