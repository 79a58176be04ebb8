import { Signal } from '@lumino/signaling';

import { Following } from '../following';

class Numbers extends Following<number> {
  constructor(signal: Signal<object, number>) {
    super(0, 1);
    this.follow(signal, number => number > 9);
  }

  reads = 0;

  protected async read(): Promise<number> {
    this.reads++;
    return this.reads;
  }
}

describe('Following', () => {
  const signal = new Signal<object, number>({});
  let numbers: Numbers;

  beforeEach(() => {
    jest.useFakeTimers();
    numbers = new Numbers(signal);
  });

  afterEach(() => {
    numbers.dispose();
    jest.useRealTimers();
  });

  it('reads nothing before the first refresh', async () => {
    signal.emit(10);
    await jest.advanceTimersByTimeAsync(10);
    expect(numbers.reads).toBe(0);
  });

  it('reads again after news, and after nothing else', async () => {
    numbers.refresh();
    await jest.advanceTimersByTimeAsync(10);
    signal.emit(3);
    await jest.advanceTimersByTimeAsync(10);
    expect(numbers.state).toBe(1);
    signal.emit(10);
    await jest.advanceTimersByTimeAsync(10);
    expect(numbers.state).toBe(2);
  });

  it('takes no answer and follows nothing once it is disposed', async () => {
    const changed = jest.fn();
    numbers.changed.connect(changed);
    numbers.refresh();
    numbers.dispose();
    signal.emit(10);
    await jest.advanceTimersByTimeAsync(10);
    expect([numbers.reads, numbers.state]).toEqual([1, 0]);
    expect(changed).not.toHaveBeenCalled();
  });
});
