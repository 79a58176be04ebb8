import React from 'react';

import type { JSONValue } from '../../../api';
import { isMapping } from '../edits';
import {
  asText,
  ChoiceField,
  idOf,
  LinesField,
  MemberField,
  Part,
  problemAt
} from './fields';

const EXAMPLE = 'figures/*.png';

/** The files that earlier steps leave, and where they go. */
export function FilesFields(props: {
  part: Part;
  files: JSONValue | undefined;
  /** The steps that come before. */
  givers: readonly string[];
}): JSX.Element {
  const { part, givers } = props;
  const { trans } = part;
  const files = Array.isArray(props.files) ? props.files : [];
  return (
    <fieldset className="dl-Group">
      <legend>{trans.__('Files from earlier steps')}</legend>
      {files.map((file, at) => {
        const from = isMapping(file) ? asText(file.from) : '';
        const member = (name: string) =>
          isMapping(file) ? file[name] : undefined;
        return (
          <div
            key={at}
            className="dl-FilesFrom"
            role="group"
            aria-label={trans.__('Files from %1', from)}
          >
            <ChoiceField
              id={idOf(part, 'files', at, 'from')}
              label={trans.__('From')}
              problem={problemAt(part, 'files', at, 'from')}
              value={from}
              options={givers.map(id => [id, id] as const)}
              disabled={part.disabled}
              onChoose={step => part.set(['files', at, 'from'], step)}
            />
            <LinesField
              part={part}
              path={['files', at, 'paths']}
              value={member('paths')}
              label={trans.__('Paths')}
              hint={trans.__('one a line')}
              placeholder={EXAMPLE}
            />
            <MemberField
              part={part}
              path={['files', at, 'into']}
              value={member('into')}
              label={trans.__('Into the folder')}
              hint={trans.__('. keeps their paths')}
              placeholder={`inputs/${from}`}
            />
            <button
              type="button"
              className="dl-Button dl-mod-link"
              disabled={part.disabled}
              onClick={() => part.set(['files', at], undefined)}
            >
              {trans.__('Leave out')}
            </button>
          </div>
        );
      })}
      {givers.length > 0 ? (
        <button
          type="button"
          className="dl-Button"
          disabled={part.disabled}
          onClick={() =>
            part.set(['files', files.length], {
              from: givers[givers.length - 1],
              paths: ['data.csv'],
              into: '.'
            })
          }
        >
          {trans.__('Add files')}
        </button>
      ) : (
        <p className="dl-mod-quiet">
          {trans.__('A step takes files from steps that it needs.')}
        </p>
      )}
    </fieldset>
  );
}
