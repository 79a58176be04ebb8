import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { MountDraft } from '../environmentDraft';

/** Folders of the executor's host that containers see. */
export function Mounts(props: {
  mounts: MountDraft[];
  problem?: string;
  disabled: boolean;
  onChange: (mounts: MountDraft[]) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { mounts, disabled, onChange, trans } = props;
  const change = (index: number, part: Partial<MountDraft>) =>
    onChange(mounts.map((it, at) => (at === index ? { ...it, ...part } : it)));
  return (
    <fieldset className="dl-Group" disabled={disabled}>
      <legend>{trans.__('Folders of data')}</legend>
      {mounts.length > 0 && (
        <table className="dl-Table dl-mod-fields">
          <thead>
            <tr>
              <th scope="col">{trans.__('Folder of the host')}</th>
              <th scope="col">{trans.__('Seen at')}</th>
              <th scope="col">{trans.__('May be written')}</th>
              <th scope="col">
                <span className="dl-mod-hidden">{trans.__('Actions')}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {mounts.map((mount, index) => (
              <tr key={index}>
                <td>
                  <input
                    type="text"
                    className="jp-mod-styled"
                    aria-label={trans.__('Folder of the host')}
                    placeholder={trans.__('/srv/data')}
                    value={mount.source}
                    onChange={event =>
                      change(index, { source: event.target.value })
                    }
                  />
                </td>
                <td>
                  <input
                    type="text"
                    className="jp-mod-styled"
                    aria-label={trans.__('Seen at')}
                    placeholder={trans.__('/data')}
                    value={mount.target}
                    onChange={event =>
                      change(index, { target: event.target.value })
                    }
                  />
                </td>
                <td>
                  <input
                    type="checkbox"
                    aria-label={trans.__('May be written')}
                    checked={!mount.read_only}
                    onChange={event =>
                      change(index, { read_only: !event.target.checked })
                    }
                  />
                </td>
                <td>
                  <button
                    type="button"
                    className="dl-Button dl-mod-link"
                    onClick={() =>
                      onChange(mounts.filter((_, at) => at !== index))
                    }
                  >
                    {trans.__('Leave out')}
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {props.problem && (
        <div className="dl-Field-problem" role="alert">
          {props.problem}
        </div>
      )}
      <button
        type="button"
        className="dl-Button"
        onClick={() =>
          onChange([...mounts, { source: '', target: '', read_only: true }])
        }
      >
        {trans.__('Add a folder')}
      </button>
    </fieldset>
  );
}
