import { ReadableStream } from 'node:stream/web';
import { TextDecoder, TextEncoder } from 'node:util';

import { EventStream, StreamState } from '../events';
import type { JournalEvent, Run } from '../types';

// The browser has these classes; the document that Jest makes does not.
Object.assign(globalThis, { TextDecoder, TextEncoder });

/** A server that holds its connections open until the test ends them. */
class FakeServer {
  readonly requests: { path: string; cursor: string | null }[] = [];
  refusal: { status: number; body: object } | null = null;

  request = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = (init.headers ?? {}) as Record<string, string>;
    this.requests.push({ path, cursor: headers['Last-Event-ID'] ?? null });
    this._arrived();
    this._arrival = new Promise(resolve => (this._arrived = resolve));
    if (this.refusal) {
      const { status, body } = this.refusal;
      this.refusal = null;
      return {
        ok: false,
        status,
        headers: new Map([['Content-Type', 'application/problem+json']]),
        json: async () => body
      } as unknown as Response;
    }
    const body = new ReadableStream<Uint8Array>({
      start: controller => {
        this._controller = controller;
        init.signal?.addEventListener('abort', () => {
          try {
            controller.error(new Error('aborted'));
          } catch {
            // The connection has ended already.
          }
        });
      }
    });
    return { ok: true, body } as unknown as Response;
  };

  /** A promise of the next request. */
  get arrival(): Promise<void> {
    return this._arrival;
  }

  send(text: string | Uint8Array): void {
    const bytes =
      typeof text === 'string' ? new TextEncoder().encode(text) : text;
    this._controller!.enqueue(bytes);
  }

  frame(id: string, event: string, data: unknown): void {
    this.send(`id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  drop(): void {
    this._controller!.close();
  }

  private _controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  private _arrived: () => void = () => undefined;
  private _arrival = new Promise<void>(resolve => (this._arrived = resolve));
}

type ReadableStreamDefaultController<T> = {
  enqueue(chunk: T): void;
  close(): void;
  error(reason: Error): void;
};

function until(
  stream: EventStream,
  signal: 'run' | 'journal' | 'restarted' | 'stateChanged'
): Promise<unknown> {
  return new Promise(resolve => {
    const slot = (_: EventStream, value: unknown) => {
      stream[signal].disconnect(slot as never);
      resolve(value);
    };
    stream[signal].connect(slot as never);
  });
}

describe('EventStream', () => {
  let server: FakeServer;
  let stream: EventStream;

  beforeEach(() => {
    jest.spyOn(Math, 'random').mockReturnValue(0);
    server = new FakeServer();
    stream = new EventStream(server);
  });

  afterEach(() => {
    stream.close();
    jest.restoreAllMocks();
  });

  it('tells of runs, and that it is open', async () => {
    const arrival = server.arrival;
    stream.open();
    await arrival;
    const run = until(stream, 'run');
    server.frame('1', 'run', { id: 'r1' });
    expect(await run).toEqual({ id: 'r1' });
    expect(stream.state).toBe('open');
    expect(server.requests).toEqual([{ path: 'events', cursor: null }]);
  });

  it('puts together what is cut inside a character', async () => {
    const arrival = server.arrival;
    stream.open();
    await arrival;
    const run = until(stream, 'run') as Promise<Run>;
    const bytes = new TextEncoder().encode('event: run\ndata: {"id":"é"}\n\n');
    const cut = bytes.indexOf(0xc3) + 1;
    server.send(bytes.slice(0, cut));
    server.send(bytes.slice(cut));
    expect((await run).id).toBe('é');
  });

  it('resumes after a lost connection with the cursor of the last event', async () => {
    let arrival = server.arrival;
    stream.open();
    await arrival;
    const first = until(stream, 'run');
    server.frame('41', 'run', { id: 'r1' });
    await first;
    const states: StreamState[] = [];
    stream.stateChanged.connect((_, state) => states.push(state));
    let restarts = 0;
    stream.restarted.connect(() => restarts++);
    arrival = server.arrival;
    server.drop();
    await arrival;
    const second = until(stream, 'run');
    server.frame('42', 'run', { id: 'r2' });
    await second;
    expect(server.requests[1]).toEqual({ path: 'events', cursor: '41' });
    expect(states).toEqual(['reconnecting', 'open']);
    expect(restarts).toBe(0);
  });

  it('starts anew where the server refuses the cursor, and says so', async () => {
    let arrival = server.arrival;
    stream.open();
    await arrival;
    const first = until(stream, 'run');
    server.frame('41', 'run', { id: 'r1' });
    await first;
    server.refusal = {
      status: 400,
      body: { status: 400, code: 'invalid_request', detail: 'Not ours.' }
    };
    const restarted = until(stream, 'restarted');
    arrival = server.arrival;
    server.drop();
    await arrival;
    await restarted;
    expect(server.requests.map(request => request.cursor)).toEqual([
      null,
      '41',
      null
    ]);
  });

  it('asks for watched journals, keeping its place', async () => {
    let arrival = server.arrival;
    stream.open();
    await arrival;
    const run = until(stream, 'run');
    server.frame('5', 'run', { id: 'r1' });
    await run;
    arrival = server.arrival;
    stream.watch('r1');
    stream.watch('r2');
    await arrival;
    expect(server.requests[1]).toEqual({
      path: 'events?journal=r1,r2',
      cursor: '5'
    });
    const delta = until(stream, 'journal');
    const events: Partial<JournalEvent>[] = [{ seq: 1, kind: 'start' }];
    server.frame('5;r1=1', 'journal', {
      run_id: 'r1',
      events,
      complete: false
    });
    expect(await delta).toEqual({ run_id: 'r1', events, complete: false });
  });

  it('knows which journals it has followed before', async () => {
    expect(stream.hasFollowed('r1')).toBe(false);
    stream.watch('r1').dispose();
    expect(stream.hasFollowed('r1')).toBe(true);
  });
});
