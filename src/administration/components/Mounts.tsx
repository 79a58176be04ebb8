import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { MountDraft } from '../environmentDraft';
import { EditableRows } from './EditableRows';

const NEW_MOUNT: MountDraft = { source: '', target: '', read_only: true };

/** The folders of the executor's host that containers see. */
export function Mounts(props: {
  mounts: MountDraft[];
  problem?: string;
  disabled: boolean;
  onChange: (mounts: MountDraft[]) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { disabled, trans } = props;
  const source = trans.__('Folder of the host');
  const target = trans.__('Seen at');
  const writable = trans.__('May be written');
  return (
    <fieldset className="dl-Group" disabled={disabled}>
      <legend>{trans.__('Folders of data')}</legend>
      <EditableRows
        rows={props.mounts}
        columns={[source, target, writable]}
        cells={(mount, change) => (
          <>
            <td>
              <input
                type="text"
                className="jp-mod-styled"
                aria-label={source}
                placeholder={trans.__('/srv/data')}
                value={mount.source}
                onChange={event => change({ source: event.target.value })}
              />
            </td>
            <td>
              <input
                type="text"
                className="jp-mod-styled"
                aria-label={target}
                placeholder={trans.__('/data')}
                value={mount.target}
                onChange={event => change({ target: event.target.value })}
              />
            </td>
            <td>
              <input
                type="checkbox"
                aria-label={writable}
                checked={!mount.read_only}
                onChange={event => change({ read_only: !event.target.checked })}
              />
            </td>
          </>
        )}
        newRow={NEW_MOUNT}
        add={trans.__('Add a folder')}
        disabled={disabled}
        onChange={props.onChange}
        trans={trans}
      >
        {props.problem && (
          <div className="dl-Field-problem" role="alert">
            {props.problem}
          </div>
        )}
      </EditableRows>
    </fieldset>
  );
}
