import * as net from 'net';

/** A wire to the server that can be cut. A cut ends its connections, and no new one gets through. */
export class Wire {
  constructor(private readonly _serverPort: number) {}

  listen(port: number): Promise<void> {
    return new Promise(resolve =>
      this._listener.listen(port, '127.0.0.1', resolve)
    );
  }

  cut(): void {
    this._isCut = true;
    this._sockets.forEach(socket => socket.destroy());
  }

  restore(): void {
    this._isCut = false;
  }

  close(): void {
    this.cut();
    this._listener.close();
  }

  private _connect(client: net.Socket): void {
    if (this._isCut) {
      client.destroy();
      return;
    }
    const upstream = net.connect(this._serverPort, '127.0.0.1');
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client]
    ]) {
      this._sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        this._sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  }

  private _isCut = false;
  private readonly _sockets = new Set<net.Socket>();
  private readonly _listener = net.createServer(socket =>
    this._connect(socket)
  );
}
