import { Connection, pathOf } from './connection';
import {
  KernelPlace,
  Reproduction,
  ReproductionKernel,
  RunPart
} from './types';

/** Reproductions: folders with all that a run found, and kernels in them. */
export class ReproductionsClient {
  constructor(private readonly _connection: Connection) {}

  /** Fill a folder with what the run found. The same folder again as long as nobody has changed it. */
  reproduce({ run, ...part }: RunPart): Promise<Reproduction> {
    return this._connection.send(
      'POST',
      pathOf('runs', run, 'reproduce'),
      part
    );
  }

  /** Start a kernel in the folder of a reproduction. It replaces the one that the notebook has. */
  startKernel(
    { run, ...part }: RunPart,
    folder: string,
    place: KernelPlace
  ): Promise<ReproductionKernel> {
    return this._connection.send(
      'POST',
      pathOf('runs', run, 'reproduce', 'kernel'),
      { ...part, folder, place }
    );
  }
}
