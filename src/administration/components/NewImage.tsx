import { TranslationBundle } from '@jupyterlab/translation';
import React, { useState } from 'react';

import type { Environment } from '../../api';
import { useAction } from '../../shared/action';
import { Message } from '../../shared/components/Message';
import { TextField } from '../../shared/components/TextField';
import { EnvironmentSelect } from './EnvironmentSelect';

/** The facts that every way to get an image asks for. */
type Draft = { name: string; environment?: string | null };

/** The values that the fields of one way to get an image receive. */
export type Fields<T> = {
  draft: T;
  change: (part: Partial<T>) => void;
  problems: { [name: string]: string | undefined };
  busy: boolean;
};

/** The form for a new image, the same for every way to get one. */
export function NewImage<T extends Draft>(props: {
  label: string;
  verb: string;
  empty: T;
  environments: Environment[];
  /** Shown beside the name of the image. */
  fields: (fields: Fields<T>) => React.ReactNode;
  /** Shown below those fields. */
  more: (fields: Fields<T>) => React.ReactNode;
  onSubmit: (draft: T) => Promise<void>;
  onDone: () => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { trans } = props;
  const [draft, setDraft] = useState(props.empty);
  const { busy, problem, act } = useAction();
  const change = (part: Partial<T>) => setDraft({ ...draft, ...part });
  const problems = problem?.parameters ?? {};
  const fields = { draft, change, problems, busy };
  const submit = async () => {
    if (await act(() => props.onSubmit(draft))) {
      props.onDone();
    }
  };
  return (
    <form
      className="dl-Form dl-Card"
      aria-label={props.label}
      onSubmit={event => {
        event.preventDefault();
        void submit();
      }}
    >
      {problem && <Message kind="error" title={problem.message} />}
      <div className="dl-Fields">
        <TextField
          id="dl-image-name"
          label={trans.__('Name')}
          hint={trans.__('as people will choose it')}
          problem={problems.name}
          required
          placeholder={trans.__('python-data')}
          value={draft.name}
          onChange={name => change({ name } as Partial<T>)}
        />
        {props.fields(fields)}
        <EnvironmentSelect
          environments={props.environments}
          value={draft.environment ?? null}
          onChange={environment => change({ environment } as Partial<T>)}
          trans={trans}
        />
      </div>
      {props.more(fields)}
      <div className="dl-Form-submit">
        <button
          type="submit"
          className="jp-mod-styled jp-mod-accept"
          disabled={busy}
        >
          {props.verb}
        </button>
        <button type="button" className="dl-Button" onClick={props.onDone}>
          {trans.__('Cancel')}
        </button>
      </div>
    </form>
  );
}
