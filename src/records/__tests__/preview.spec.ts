import type { Artifact } from '../../api';
import { hasPreview, PreviewModel } from '../preview';

function artifact(path: string, size = 10): Artifact {
  return { path, size, digest: 'sha256:0' };
}

function blobOf(text: string): Blob {
  return { text: () => Promise.resolve(text) } as Blob;
}

describe('the preview of an artifact', () => {
  let model: PreviewModel | undefined;

  afterEach(() => model?.dispose());

  it('is offered for text, tables and pictures that are not too large', () => {
    const offered = ['a.csv', 'b/c.TXT', 'd.png', 'e.parquet', 'f', 'g.svg']
      .map(path => artifact(path))
      .filter(hasPreview);
    expect(offered.map(artifact => artifact.path)).toEqual([
      'a.csv',
      'b/c.TXT',
      'd.png'
    ]);
    expect(hasPreview(artifact('a.csv', 1e9))).toBe(false);
  });

  it('takes quotes and line breaks in the cells of a table as what they are', async () => {
    const client = { artifact: async () => blobOf('a,b\n"1,5","x\ny"\n') };
    model = new PreviewModel('r1', client);
    await model.open(artifact('t.csv'));
    expect(model.preview?.content).toEqual({
      kind: 'table',
      rows: [
        ['a', 'b'],
        ['1,5', 'x\ny']
      ],
      truncated: false
    });
  });

  it('leaves the rest of a long text out and says so', async () => {
    const client = { artifact: async () => blobOf('x'.repeat(200_000)) };
    model = new PreviewModel('r1', client);
    await model.open(artifact('t.txt'));
    expect(model.preview?.content).toMatchObject({
      kind: 'text',
      truncated: true
    });
  });

  it('shows the file that was chosen last, in whatever order they arrive', async () => {
    const waiting: { [path: string]: (blob: Blob) => void } = {};
    const client = {
      artifact: (_: string, path: string) =>
        new Promise<Blob>(resolve => {
          waiting[path] = resolve;
        })
    };
    model = new PreviewModel('r1', client);
    const first = model.open(artifact('first.txt'));
    const second = model.open(artifact('second.txt'));
    waiting['second.txt'](blobOf('2'));
    await second;
    waiting['first.txt'](blobOf('1'));
    await first;
    expect(model.preview).toMatchObject({
      path: 'second.txt',
      content: { text: '2' }
    });
  });

  it('says why a file cannot be shown', async () => {
    const client = { artifact: () => Promise.reject(new Error('It is gone.')) };
    model = new PreviewModel('r1', client);
    await model.open(artifact('t.txt'));
    expect(model.preview?.trouble?.message).toBe('It is gone.');
  });
});
