import { Notification } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import type { Contents } from '@jupyterlab/services';
import { TranslationBundle } from '@jupyterlab/translation';

import type { Client, PipelineSuggestion } from '../api';

const SUFFIX = '.pipeline.yaml';

/** Save a new pipeline in `folder` with a step for each file, open it, and tell which edges are guesses. */
export async function createPipeline(options: {
  paths: string[];
  folder: string;
  client: Client;
  contents: Contents.IManager;
  open: (path: string) => void;
  trans: TranslationBundle;
}): Promise<void> {
  const { paths, folder, client, contents, open, trans } = options;
  const suggestion = await client.pipelines.suggest(
    paths.map(path => contents.localPath(path)),
    contents.localPath(folder)
  );
  const path = await freePath(folder, suggestion.name, contents);
  await contents.save(path, {
    type: 'file',
    format: 'text',
    content: suggestion.content
  });
  open(path);
  tellGuesses(PathExt.basename(path), paths, suggestion, trans);
}

/** Return the path for a new file: no file that is there is written over. */
export async function freePath(
  folder: string,
  name: string,
  contents: Contents.IManager
): Promise<string> {
  const stem = PathExt.basename(name).replace(/(\.pipeline)?\.yaml$/, '');
  const { content } = await contents.get(folder);
  const taken = new Set((content as Contents.IModel[]).map(item => item.name));
  for (let number = 1; ; number++) {
    const numbered = number === 1 ? stem : `${stem}-${number}`;
    if (!taken.has(numbered + SUFFIX)) {
      return PathExt.join(folder, numbered + SUFFIX);
    }
  }
}

function tellGuesses(
  name: string,
  paths: string[],
  { guesses }: PipelineSuggestion,
  trans: TranslationBundle
): void {
  if (!paths.length) {
    return;
  }
  if (!guesses.length) {
    Notification.info(
      trans.__(
        '%1: no step seems to read what another one writes. Connect steps where one must wait.',
        name
      ),
      { autoClose: false }
    );
    return;
  }
  const pairs = new Set(guesses.map(({ from, to }) => `${from} → ${to}`));
  Notification.info(
    trans.__(
      '%1: check the guessed order, dashed in the graph: %2.',
      name,
      [...pairs].join(', ')
    ),
    { autoClose: false }
  );
}
