import React from 'react';

import { kindOfPath } from '../../../shared/kinds';
import { idOf, MemberField, Part } from './fields';

/** The path of a notebook or script, typed or picked. */
export function PathField(props: {
  part: Part;
  kind: 'notebook' | 'script';
  value: string;
  /** The files beside the pipeline. */
  files: readonly string[];
  onBrowse: (kind: 'notebook' | 'script') => Promise<string | null>;
  onOpen?: () => void;
}): JSX.Element {
  const { part, kind, value, files, onBrowse, onOpen } = props;
  const { trans } = part;
  const list = idOf(part, 'files-beside');
  const browse = async () => {
    const path = await onBrowse(kind);
    if (path !== null) {
      part.set([kind], path);
    }
  };
  return (
    <>
      <MemberField
        part={part}
        path={[kind]}
        value={value}
        label={kind === 'notebook' ? trans.__('Notebook') : trans.__('Script')}
        list={list}
        required
        action={
          onOpen && (
            <button
              type="button"
              className="dl-Button dl-mod-link"
              onClick={onOpen}
            >
              {trans.__('Open')}
            </button>
          )
        }
        beside={
          <button
            type="button"
            className="dl-Button"
            disabled={part.disabled}
            onClick={() => void browse()}
          >
            {trans.__('Browse…')}
          </button>
        }
      />
      <datalist id={list}>
        {files
          .filter(path => kindOfPath(path) === kind)
          .map(path => (
            <option key={path} value={path} />
          ))}
      </datalist>
    </>
  );
}
