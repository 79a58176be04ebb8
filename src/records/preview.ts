import { PathExt } from '@jupyterlab/coreutils';
import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';
import { csvParseRows, tsvParseRows } from 'd3-dsv';

import { Artifact, Client, Problem } from '../api';

const MAX_TEXT = 2_000_000;
const MAX_IMAGE = 10_000_000;
const MAX_SHOWN_TEXT = 100_000;
const MAX_SHOWN_ROWS = 100;

export type Content =
  | { kind: 'text'; text: string; truncated: boolean }
  | { kind: 'table'; rows: string[][]; truncated: boolean }
  | { kind: 'image'; url: string };

export type Preview = {
  path: string;
  /** The content; null while it is read. */
  content: Content | null;
  trouble: Problem | null;
};

type Reader = { maximum: number; read: (blob: Blob) => Promise<Content> };

const textReader: Reader = {
  maximum: MAX_TEXT,
  read: async blob => {
    const whole = await blob.text();
    return {
      kind: 'text',
      text: whole.slice(0, MAX_SHOWN_TEXT),
      truncated: whole.length > MAX_SHOWN_TEXT
    };
  }
};

function tableReader(parse: (text: string) => string[][]): Reader {
  return {
    maximum: MAX_TEXT,
    read: async blob => {
      const rows = parse(await blob.text());
      return {
        kind: 'table',
        rows: rows.slice(0, MAX_SHOWN_ROWS + 1),
        truncated: rows.length > MAX_SHOWN_ROWS + 1
      };
    }
  };
}

/** Make a reader of pictures of one type. Another file with such a name is a picture that does not load. */
function imageReader(type: string): Reader {
  return {
    maximum: MAX_IMAGE,
    read: async blob => ({
      kind: 'image',
      url: URL.createObjectURL(new Blob([blob], { type }))
    })
  };
}

const READERS: { [extension: string]: Reader | undefined } = {
  '.csv': tableReader(csvParseRows),
  '.tsv': tableReader(tsvParseRows),
  '.gif': imageReader('image/gif'),
  '.jpeg': imageReader('image/jpeg'),
  '.jpg': imageReader('image/jpeg'),
  '.png': imageReader('image/png'),
  '.webp': imageReader('image/webp')
};
for (const extension of 'html json jsonl log md py r sh sql txt xml yaml yml'.split(
  ' '
)) {
  READERS[`.${extension}`] = textReader;
}

function readerOf(artifact: Artifact): Reader | null {
  const reader = READERS[PathExt.extname(artifact.path).toLowerCase()];
  return reader && artifact.size <= reader.maximum ? reader : null;
}

/** Tell whether the page can show an artifact of this kind and size. */
export function hasPreview(artifact: Artifact): boolean {
  return readerOf(artifact) !== null;
}

/** The artifact of a run on the screen, as text, table or picture. */
export class PreviewModel implements IDisposable {
  constructor(
    private readonly _id: string,
    private readonly _client: Pick<Client, 'artifact'>
  ) {}

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get preview(): Preview | null {
    return this._preview;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  dispose(): void {
    this._disposed = true;
    this.close();
    Signal.clearData(this);
  }

  async open(artifact: Artifact): Promise<void> {
    const { path } = artifact;
    const reader = readerOf(artifact);
    if (!reader) {
      return;
    }
    this._set({ path, content: null, trouble: null });
    const opening = this._preview;
    let content: Content | null = null;
    let trouble: Problem | null = null;
    try {
      content = await reader.read(await this._client.artifact(this._id, path));
    } catch (reason) {
      trouble = Problem.from(reason);
    }
    if (this._preview === opening) {
      this._set({ path, content, trouble });
    } else {
      revokeUrl(content);
    }
  }

  close(): void {
    this._set(null);
  }

  private _set(preview: Preview | null): void {
    revokeUrl(this._preview?.content);
    this._preview = preview;
    this._changed.emit();
  }

  private _preview: Preview | null = null;
  private _disposed = false;
  private readonly _changed = new Signal<this, void>(this);
}

function revokeUrl(content: Content | null | undefined): void {
  if (content?.kind === 'image') {
    URL.revokeObjectURL(content.url);
  }
}
