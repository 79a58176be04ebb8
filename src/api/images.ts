import { Connection, pathOf } from './connection';
import {
  FrozenPackages,
  Image,
  ImageAddition,
  ImageBuild,
  ImageChange,
  ImageCheck,
  ImageTask,
  ImageTrial,
  ImageTrialRequest,
  ImageUsers,
  Page
} from './types';

/** The image catalogue, work on its images, and trial runs. */
export class ImagesClient {
  constructor(private readonly _connection: Connection) {}

  async all(): Promise<Image[]> {
    return (await this._connection.get<Page<Image>>('images')).items;
  }

  add(image: ImageAddition): Promise<ImageTask> {
    return this._connection.send('POST', 'images', image);
  }

  build(build: ImageBuild): Promise<ImageTask> {
    return this._connection.send('POST', 'image-builds', build);
  }

  probe(name: string): Promise<ImageTask> {
    return this._connection.send('POST', pathOf('images', name, 'probe'), {});
  }

  change(name: string, change: ImageChange): Promise<Image> {
    return this._connection.send('PATCH', pathOf('images', name), change);
  }

  remove(name: string): Promise<Image> {
    return this._connection.send('DELETE', pathOf('images', name));
  }

  /** Ask the registry about news of an image, which may take a while. */
  check(name: string): Promise<ImageCheck> {
    return this._connection.get(pathOf('images', name, 'check'));
  }

  users(name: string): Promise<ImageUsers> {
    return this._connection.get(pathOf('images', name, 'users'));
  }

  allow(name: string, environment: string): Promise<Image> {
    const path = pathOf('images', name, 'environments', environment);
    return this._connection.send('PUT', path, {});
  }

  disallow(name: string, environment: string): Promise<Image> {
    const path = pathOf('images', name, 'environments', environment);
    return this._connection.send('DELETE', path);
  }

  /** List the tasks, newest first, without their logs. */
  async tasks(): Promise<ImageTask[]> {
    const path = 'image-tasks';
    return (await this._connection.get<Page<ImageTask>>(path)).items;
  }

  /** Read a task, with its log after the first `after` characters. */
  task(id: string, after: number): Promise<ImageTask> {
    return this._connection.get(pathOf('image-tasks', id), { after });
  }

  /** Ask the server to end a task. */
  cancelTask(id: string): Promise<ImageTask> {
    return this._connection.send(
      'POST',
      pathOf('image-tasks', id, 'cancel'),
      {}
    );
  }

  async trials(): Promise<ImageTrial[]> {
    const path = 'image-trials';
    return (await this._connection.get<Page<ImageTrial>>(path)).items;
  }

  startTrial(request: ImageTrialRequest): Promise<ImageTrial> {
    return this._connection.send('POST', 'image-trials', request);
  }

  trial(id: string): Promise<ImageTrial> {
    return this._connection.get(pathOf('image-trials', id));
  }

  /** Read the packages of a kernel of this machine. */
  packages(kernel: string): Promise<FrozenPackages> {
    return this._connection.get(pathOf('kernels', kernel, 'packages'));
  }
}
