import { TranslationBundle } from '@jupyterlab/translation';
import { closeIcon } from '@jupyterlab/ui-components';
import React from 'react';

import { Message } from '../../shared/components/Message';
import type { Content, Preview } from '../preview';

/** The content of an artifact, inert: text, cells of a table, or a picture. */
export function ArtifactPreview(props: {
  preview: Preview;
  onClose: () => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { preview, trans } = props;
  return (
    <section
      className="dl-Preview"
      aria-label={trans.__('Preview of %1', preview.path)}
    >
      <div className="dl-Preview-head">
        <h2>{preview.path}</h2>
        <button
          className="dl-Button dl-mod-icon"
          title={trans.__('Close the preview')}
          aria-label={trans.__('Close the preview')}
          onClick={props.onClose}
        >
          <closeIcon.react tag="span" />
        </button>
      </div>
      {preview.trouble && (
        <Message kind="error" title={preview.trouble.message} />
      )}
      {preview.content && (
        <PreviewContent
          content={preview.content}
          path={preview.path}
          trans={trans}
        />
      )}
      {!preview.content && !preview.trouble && (
        <p className="dl-Empty">{trans.__('Loading…')}</p>
      )}
    </section>
  );
}

function PreviewContent(props: {
  content: Content;
  path: string;
  trans: TranslationBundle;
}): JSX.Element {
  const { content, path, trans } = props;
  if (content.kind === 'image') {
    return <img src={content.url} alt={path} />;
  }
  return (
    <>
      {content.kind === 'text' ? (
        <pre tabIndex={0} aria-label={path}>
          {content.text}
        </pre>
      ) : (
        <div className="dl-Preview-table" tabIndex={0}>
          <Table rows={content.rows} />
        </div>
      )}
      {content.truncated && (
        <p className="dl-mod-quiet">
          {trans.__('The rest is left out; the whole file can be downloaded.')}
        </p>
      )}
    </>
  );
}

function Table({ rows }: { rows: string[][] }): JSX.Element {
  const [head, ...body] = rows;
  return (
    <table>
      <thead>
        <tr>
          {head?.map((name, index) => (
            <th key={index} scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {body.map((row, index) => (
          <tr key={index}>
            {row.map((cell, column) => (
              <td key={column}>{cell}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
