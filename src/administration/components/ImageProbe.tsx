import { TranslationBundle } from '@jupyterlab/translation';
import React, { useState } from 'react';

import type { ImageProbe as Probe } from '../../api';
import { Message } from '../../shared/components/Message';
import { RelativeTime } from '../../shared/components/Times';

/** The things that were found in an image, and those that are missing. */
export function ImageProbe(props: {
  probe: Probe | null;
  trans: TranslationBundle;
}): JSX.Element {
  const { probe, trans } = props;
  return (
    <section className="dl-Section" aria-labelledby="dl-image-probe">
      <h2 id="dl-image-probe">{trans.__('Contents')}</h2>
      {probe === null ? (
        <p className="dl-Empty">
          {trans.__('Nobody has looked into it yet: probe it.')}
        </p>
      ) : (
        <>
          {probe.problems.map(problem => (
            <Message key={problem} kind="error" title={problem} />
          ))}
          <table className="dl-Table dl-mod-facts">
            <tbody>
              <tr>
                <th scope="row">{trans.__('Probed')}</th>
                <td>
                  <RelativeTime instant={probe.probed_at} trans={trans} />{' '}
                  {trans.__('as user %1', probe.user)}
                </td>
              </tr>
              <tr>
                <th scope="row">{trans.__('Python')}</th>
                <td>{probe.python ?? trans.__('none')}</td>
              </tr>
              <tr>
                <th scope="row">{trans.__('papermill')}</th>
                <td>{probe.papermill ?? trans.__('missing')}</td>
              </tr>
              <tr>
                <th scope="row">{trans.__('Kernels')}</th>
                <td>
                  {probe.kernels
                    .map(kernel => `${kernel.display_name} (${kernel.name})`)
                    .join(', ') || trans.__('none')}
                </td>
              </tr>
              {probe.cuda && (
                <tr>
                  <th scope="row">{trans.__('CUDA')}</th>
                  <td>{probe.cuda}</td>
                </tr>
              )}
            </tbody>
          </table>
          <Packages packages={probe.packages} trans={trans} />
        </>
      )}
    </section>
  );
}

function Packages(props: {
  packages: { [name: string]: string };
  trans: TranslationBundle;
}): JSX.Element {
  const { trans } = props;
  const [text, setText] = useState('');
  const all = Object.entries(props.packages).sort(([a], [b]) =>
    a.localeCompare(b)
  );
  const found = all.filter(([name]) =>
    name.toLowerCase().includes(text.toLowerCase())
  );
  return (
    <details className="dl-Packages">
      <summary>{trans._n('%1 package', '%1 packages', all.length)}</summary>
      <input
        type="search"
        className="jp-mod-styled"
        aria-label={trans.__('Filter packages by name')}
        placeholder={trans.__('Filter by name')}
        value={text}
        onChange={event => setText(event.target.value)}
      />
      <ul tabIndex={0} aria-label={trans.__('Packages')}>
        {found.map(([name, version]) => (
          <li key={name}>
            {name} <span className="dl-mod-quiet">{version}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}
