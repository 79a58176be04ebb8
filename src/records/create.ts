import type { RecordOptions } from './widget';
import type { IDataOps } from '../tokens';
import { inertRendermime } from './inert';
import { RecordModel } from './model';
import { newNotebookModel } from './notebook';
import { RecordWidget } from './widget';

/** Create the record of a run; it begins to load. */
export function createRecord(
  id: string,
  dataOps: IDataOps,
  options: Omit<RecordOptions, 'model' | 'client' | 'events'>
): RecordWidget {
  const { client, events } = dataOps;
  const notebook = newNotebookModel();
  return new RecordWidget({
    ...options,
    model: new RecordModel(id, notebook, client, events, options.runs),
    client,
    events,
    rendermime: inertRendermime(options.rendermime)
  });
}
