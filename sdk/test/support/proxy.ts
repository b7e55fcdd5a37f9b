import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { takeFrames } from './frames.ts';

/** What becomes of a frame: it passes, perhaps twice; the connection is cut before it, after it, or in its middle; it is lost. */
export type Fate = 'pass' | 'twice' | 'cut before' | 'cut after' | 'cut within' | 'lose';
export interface Passing {
  readonly from: 'client' | 'server';
  /** Path of the socket, without its query. */
  readonly path: string;
  readonly text: string;
}

const HEAD_END = '\r\n\r\n';

/**
 * A TCP proxy before the server, on loopback, that cuts connections where a test says so: between the bytes, as a network
 * does. Compression is kept out of WebSockets so that their frames can be read.
 */
export class CuttingProxy {
  /** Decides on each text frame of a WebSocket. */
  onFrame: (frame: Passing) => Fate = () => 'pass';
  /** Decides on each HTTP request; `lose` lets it through and loses its answer. */
  onRequest: (line: string) => 'pass' | 'lose' = () => 'pass';
  /** Connections are refused while it is set. */
  down = false;
  /** Milliseconds that everything takes longer, in either direction. */
  latency = 0;
  readonly #server: Server;
  readonly #pairs = new Map<Socket, { upstream: Socket; path: string }>();

  private constructor(target: URL) {
    this.#server = createServer((client) => this.#accept(client, target));
  }

  static async before(serverUrl: string): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(new URL(serverUrl));
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy is closed');
    return `http://127.0.0.1:${address.port}`;
  }

  /** Open WebSockets, by path. */
  get sockets(): string[] {
    return [...this.#pairs.values()].map(({ path }) => path).filter((path) => path !== '');
  }

  /** Cuts every connection now. */
  cut(): void {
    for (const [client, { upstream }] of this.#pairs) {
      client.destroy();
      upstream.destroy();
    }
  }

  /** Stops, or goes on, passing what the server sends on WebSockets: a client that reads slowly. */
  hold(held: boolean): void {
    for (const { upstream, path } of this.#pairs.values()) {
      if (path === '') continue;
      if (held) upstream.pause();
      else upstream.resume();
    }
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(client: Socket, target: URL): void {
    if (this.down) {
      client.destroy();
      return;
    }
    const upstream = connect(Number(target.port), target.hostname);
    const pair = { upstream, path: '' };
    this.#pairs.set(client, pair);
    const end = () => {
      this.#pairs.delete(client);
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      socket.on('error', end);
      socket.on('close', end);
    }
    // What is late stays in order: nothing overtakes what was sent before it.
    const late = new Map<Socket, Promise<void>>();
    const write = (to: Socket, bytes: Buffer | string) => {
      const before = late.get(to);
      if (before === undefined && this.latency === 0) {
        to.write(bytes, 'latin1');
        return;
      }
      const wait = new Promise<void>((resolve) => setTimeout(resolve, this.latency));
      const turn = Promise.all([before, wait]).then(() => {
        to.write(bytes, 'latin1');
        if (late.get(to) === turn) late.delete(to);
      });
      late.set(to, turn);
    };
    let losing = false;
    let head: Buffer = Buffer.alloc(0);
    let fromClient: Buffer = Buffer.alloc(0);
    let fromServer: Buffer = Buffer.alloc(0);
    let switched = false;
    const pass = (from: 'client' | 'server', buffered: Buffer, to: Socket): Buffer => {
      const { frames, rest } = takeFrames(buffered);
      for (const { bytes, text } of frames) {
        const fate = text === '' ? 'pass' : this.onFrame({ from, path: pair.path, text });
        if (fate === 'lose') continue;
        if (fate === 'cut before') {
          end();
          return rest;
        }
        if (fate === 'cut within' || fate === 'cut after') {
          // The bytes leave before the connection does.
          to.write(fate === 'cut after' ? bytes : bytes.subarray(0, Math.ceil(bytes.length / 2)), () =>
            setTimeout(end, 20),
          );
          client.pause();
          upstream.pause();
          return rest;
        }
        write(to, fate === 'twice' ? Buffer.concat([bytes, bytes]) : bytes);
      }
      return rest;
    };
    client.on('data', (data: Buffer) => {
      if (pair.path !== '') {
        fromClient = pass('client', Buffer.concat([fromClient, data]), upstream);
        return;
      }
      const text = data.toString('latin1');
      const line = text.slice(0, text.indexOf('\r\n'));
      if (/\r\nupgrade: websocket\r\n/i.test(text)) {
        pair.path = (line.split(' ')[1] ?? '').split('?')[0] ?? '';
        write(upstream, text.replace(/\r\nsec-websocket-extensions:[^\r]*/i, ''));
        return;
      }
      if (/^(GET|POST|PUT|DELETE) /.test(line) && this.onRequest(line) === 'lose') losing = true;
      write(upstream, data);
    });
    upstream.on('data', (data: Buffer) => {
      if (losing) {
        end();
      } else if (pair.path === '') {
        write(client, data);
      } else if (switched) {
        fromServer = pass('server', Buffer.concat([fromServer, data]), client);
      } else {
        head = Buffer.concat([head, data]);
        const at = head.indexOf(HEAD_END);
        if (at < 0) return;
        switched = true;
        write(client, head.subarray(0, at + HEAD_END.length));
        fromServer = pass('server', head.subarray(at + HEAD_END.length), client);
      }
    });
  }
}
