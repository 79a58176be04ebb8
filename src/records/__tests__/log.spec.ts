import { Client } from '../../api';
import { Log, LogModel } from '../log';

/** Return the shown text of a log that arrives in these pieces. */
async function shown(...pieces: string[]): Promise<string> {
  let from = 0;
  const answers = pieces.map(piece => {
    const bytes = Buffer.from(piece);
    from += bytes.length;
    return { bytes, from: from - bytes.length };
  });
  return (await read(answers)).text;
}

/** Return the log after these answers of the server, and the first byte that each request asked for. */
async function read(
  answers: { bytes: Buffer; from: number }[]
): Promise<Log & { asked: number[] }> {
  const asked: number[] = [];
  const log = async (_: string, from: number) => {
    asked.push(from);
    return answers[asked.length - 1];
  };
  const model = new LogModel('r1', { log } as unknown as Client);
  for (const _ of answers) {
    const done = new Promise(resolve => model.changed.connect(resolve));
    model.refresh();
    await done;
    jest.runOnlyPendingTimers();
  }
  model.dispose();
  return { ...model.log, asked };
}

describe('The log', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it.each([
    [['\rstep 0\rstep 1', '\rstep 2\n', 'end'], 'step 2\nend'],
    [['step 0\r', 'step 1\r', '\nend'], 'step 1\r\nend'],
    [['abc\b\b', '\bxyz\n'], 'xyz\n'],
    [['\b\ba\r\nb'], 'a\r\nb'],
    [['\x1b[31mred\x1b[0m\n\r'], 'red\n']
  ])('%j is shown as a terminal shows it', async (pieces, text) => {
    expect(await shown(...pieces)).toBe(text);
  });

  it('begins with the first whole line near its end, and is read on from there', async () => {
    const log = await read([
      { bytes: Buffer.from('é half a line\nlast'), from: 5_000_000 },
      { bytes: Buffer.from(' line\n'), from: 5_000_019 }
    ]);
    expect(log.text).toBe('last line\n');
    expect(log.truncated).toBe(true);
    expect(log.asked).toEqual([-1_000_000, 5_000_019]);
  });

  it('begins anew where the log of another attempt does', async () => {
    const log = await read([
      { bytes: Buffer.from('first attempt\n'), from: 0 },
      { bytes: Buffer.from(''), from: 0 },
      { bytes: Buffer.from('second\n'), from: 0 }
    ]);
    expect(log).toMatchObject({ text: 'second\n', truncated: false });
    expect(log.asked).toEqual([-1_000_000, 14, -1_000_000]);
  });
});
