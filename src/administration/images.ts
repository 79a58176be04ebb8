import { ISignal, Signal } from '@lumino/signaling';

import {
  Client,
  Environment,
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
  Problem
} from '../api';

const TASK_MS = 700;
const TRIAL_MS = 1500;

export type ImagesState = {
  /** The catalogue; null while it is read. */
  images: Image[] | null;
  environments: Environment[];
  /** The last tasks, newest first. Those that this page follows have their logs. */
  tasks: ImageTask[];
  /** The name of the image on the screen. */
  selected: string | null;
  users: ImageUsers | null;
  check: ImageCheck | null;
  /** The last trial of the selected image. */
  trial: ImageTrial | null;
  trouble: Problem | null;
};

/**
 * The image catalogue and the work on it.
 *
 * A method that reads leaves its failure in the state; a method that changes something throws a `Problem`.
 */
export class ImagesModel {
  /** Create the model; it calls `onChanged` after each change of the catalogue. */
  constructor(
    private readonly _client: Client,
    private readonly _onChanged: () => void
  ) {}

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get state(): ImagesState {
    return this._state;
  }

  dispose(): void {
    this._disposed = true;
    this._timers.forEach(clearTimeout);
    Signal.clearData(this);
  }

  async load(): Promise<void> {
    try {
      const { images, environments } = this._client;
      const [all, places, tasks] = await Promise.all([
        images.all(),
        environments.all(),
        images.tasks()
      ]);
      this._set({ images: all, environments: places, trouble: null });
      for (const task of tasks.reverse()) {
        this._addTask(task);
      }
    } catch (reason) {
      this._set({ trouble: Problem.from(reason) });
    }
  }

  async select(name: string | null): Promise<void> {
    this._set({ selected: name, users: null, check: null, trial: null });
    if (name === null) {
      return;
    }
    try {
      const { images } = this._client;
      const [users, trials] = await Promise.all([
        images.users(name),
        images.trials()
      ]);
      if (this._state.selected === name) {
        this._set({ users });
        const trial = trials.find(candidate => candidate.image === name);
        if (trial) {
          this._followTrial(trial);
        }
      }
    } catch (reason) {
      this._set({ trouble: Problem.from(reason) });
    }
  }

  async add(image: ImageAddition): Promise<void> {
    this._addTask(await this._client.images.add(image));
  }

  async build(build: ImageBuild): Promise<void> {
    this._addTask(await this._client.images.build(build));
  }

  /** Read the packages that an image built from this kernel would have. */
  packagesOf(kernel: string): Promise<FrozenPackages> {
    return this._client.images.packages(kernel);
  }

  async probe(name: string): Promise<void> {
    this._addTask(await this._client.images.probe(name));
  }

  async cancel(task: string): Promise<void> {
    this._addTask(await this._client.images.cancelTask(task));
  }

  async change(name: string, change: ImageChange): Promise<void> {
    await this._client.images.change(name, change);
    await this._reload();
  }

  async allow(
    name: string,
    environment: string,
    allowed: boolean
  ): Promise<void> {
    const { images } = this._client;
    await (allowed
      ? images.allow(name, environment)
      : images.disallow(name, environment));
    await this._reload();
  }

  async remove(name: string): Promise<void> {
    await this._client.images.remove(name);
    this._set({ selected: null });
    await this._reload();
  }

  /** Ask the registry whether the reference has moved on. */
  async checkReference(name: string): Promise<void> {
    const check = await this._client.images.check(name);
    if (this._state.selected === name) {
      this._set({ check });
    }
  }

  async startTrial(request: ImageTrialRequest): Promise<void> {
    this._followTrial(await this._client.images.startTrial(request));
  }

  private async _reload(): Promise<void> {
    this._onChanged();
    this._set({ images: await this._client.images.all() });
  }

  /** Note a task, and follow it until it ends. */
  private _addTask(task: ImageTask): void {
    const before = this._state.tasks.find(other => other.id === task.id);
    const log = (before?.log ?? '') + task.log;
    const tasks = [
      { ...task, log, log_size: Math.max(task.log_size, log.length) },
      ...this._state.tasks.filter(other => other.id !== task.id)
    ];
    tasks.sort((a, b) => b.id.localeCompare(a.id));
    this._set({ tasks });
    if (task.state === 'running') {
      this._follow(task.id, TASK_MS);
    } else if (before?.state === 'running') {
      void this._reload().catch(() => undefined);
      if (this._state.selected === task.image) {
        this._set({ check: null });
      }
    }
  }

  /** Read the task again later, unless that is planned already. Reading twice would repeat lines in the log. */
  private _follow(id: string, milliseconds: number): void {
    if (this._followedTasks.has(id)) {
      return;
    }
    this._followedTasks.add(id);
    this._runLater(milliseconds, async () => {
      const known = this._state.tasks.find(other => other.id === id)!;
      try {
        const task = await this._client.images.task(id, known.log.length);
        this._followedTasks.delete(id);
        this._addTask(task);
      } catch {
        // The server is away for a while. Later it says that the task goes on, or that it was interrupted.
        this._followedTasks.delete(id);
        this._follow(id, TRIAL_MS);
      }
    });
  }

  private _followTrial(trial: ImageTrial): void {
    if (this._state.selected !== trial.image) {
      return;
    }
    this._set({ trial });
    if (!trial.complete) {
      const pollTrial = async () => {
        try {
          this._followTrial(await this._client.images.trial(trial.id));
        } catch {
          this._runLater(TRIAL_MS, pollTrial);
        }
      };
      this._runLater(TRIAL_MS, pollTrial);
    }
  }

  private _runLater(milliseconds: number, work: () => Promise<void>): void {
    const timer = setTimeout(() => {
      this._timers.delete(timer);
      if (!this._disposed) {
        void work();
      }
    }, milliseconds);
    this._timers.add(timer);
  }

  private _set(change: Partial<ImagesState>): void {
    this._state = { ...this._state, ...change };
    this._changed.emit();
  }

  private _state: ImagesState = {
    images: null,
    environments: [],
    tasks: [],
    selected: null,
    users: null,
    check: null,
    trial: null,
    trouble: null
  };
  private _disposed = false;
  private readonly _followedTasks = new Set<string>();
  private readonly _timers = new Set<ReturnType<typeof setTimeout>>();
  private readonly _changed = new Signal<this, void>(this);
}
