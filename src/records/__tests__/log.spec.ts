import { Client } from '../../api';
import { LogModel } from '../log';

/** The shown text of a log that arrives in these pieces. */
async function shown(...pieces: string[]): Promise<string> {
  const log = jest.fn();
  for (const piece of pieces) {
    log.mockResolvedValueOnce({ bytes: Buffer.from(piece), whole: false });
  }
  const model = new LogModel('r1', { log } as unknown as Client);
  for (const _ of pieces) {
    const read = new Promise(resolve => model.changed.connect(resolve));
    model.refresh();
    await read;
    jest.runOnlyPendingTimers();
  }
  model.dispose();
  return model.log.text;
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
});
