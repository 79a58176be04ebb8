import { Notification } from '@jupyterlab/apputils';
import type { Contents } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';

import type { Client, Job } from '../../api';
import { followMoves } from '../moves';

const trans = nullTranslator.load('dataops_lab');
const job = (name: string) => ({ id: name, name }) as Job;

class FakeContents {
  fileChanged = new Signal<this, Contents.IChangedArgs>(this);
  driveName = (path: string) => (path.includes(':') ? path.split(':')[0] : '');
  localPath = (path: string) => path;

  tell(type: string, from?: string, to?: string): void {
    this.fileChanged.emit({
      type,
      oldValue: from === undefined ? null : { path: from },
      newValue: to === undefined ? null : { path: to }
    } as Contents.IChangedArgs);
  }
}

describe('followMoves', () => {
  let contents: FakeContents;
  let asked: unknown[][];
  let parted: Job[];
  let lost: Job[];
  let failure: Error | null;
  const told = () =>
    Notification.manager.notifications.map(
      notification => notification.message
    );
  const settled = () => new Promise(resolve => setTimeout(resolve));

  beforeEach(() => {
    Notification.dismiss();
    contents = new FakeContents();
    [asked, parted, lost, failure] = [[], [], [], null];
    const answer = async <T>(call: unknown[], value: T): Promise<T> => {
      asked.push(call);
      if (failure) {
        throw failure;
      }
      return value;
    };
    const jobs = {
      move: (path: string, newPath: string) =>
        answer(['move', path, newPath], { jobs: [job('sales')], parted }),
      findByPath: (path: string) =>
        answer(['findByPath', path], { items: lost, next: null })
    };
    followMoves({
      contents: contents as unknown as Contents.IManager,
      client: { jobs } as unknown as Client,
      trans
    });
  });

  it('tells the server of what is renamed', async () => {
    contents.tell('rename', 'reports', 'old reports');
    await settled();
    expect(asked).toEqual([['move', 'reports', 'old reports']]);
    expect(told()).toEqual([]);
  });

  it('asks for nothing when a file is made, saved or on another drive', async () => {
    contents.tell('new', undefined, 'a.ipynb');
    contents.tell('save', 'a.ipynb', 'a.ipynb');
    contents.tell('rename', 'drive:a.ipynb', 'drive:b.ipynb');
    await settled();
    expect(asked).toEqual([]);
  });

  it('says which jobs two notebooks now stand for', async () => {
    parted = [job('sales')];
    contents.tell('rename', 'a.ipynb', 'b.ipynb');
    await settled();
    expect(told()).toEqual([expect.stringContaining('Not moved: sales.')]);
  });

  it('warns when the notebook of a job is deleted', async () => {
    lost = [job('sales')];
    contents.tell('delete', 'a.ipynb');
    await settled();
    expect(asked).toEqual([['findByPath', 'a.ipynb']]);
    expect(told()).toEqual([
      'The notebook of the job sales was deleted. Its runs and settings stay.'
    ]);
  });

  it('names some of many jobs that lose their notebooks', async () => {
    lost = ['a', 'b', 'c', 'd', 'e', 'f'].map(job);
    contents.tell('delete', 'reports');
    await settled();
    expect(told()).toEqual([
      'The notebooks of 6 jobs were deleted: a, b, c, d, e, …. Their runs and settings stay.'
    ]);
  });

  it('says nothing when what is deleted was no job', async () => {
    contents.tell('delete', 'notes.txt');
    await settled();
    expect(told()).toEqual([]);
  });

  it('tells why a job could not follow', async () => {
    failure = new Error('The server is away.');
    contents.tell('rename', 'a.ipynb', 'b.ipynb');
    await settled();
    expect(told()).toEqual(['The server is away.']);
  });
});
