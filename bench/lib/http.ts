import { Agent, request } from 'node:http';
import { gunzipSync } from 'node:zlib';

export interface Answer {
  status: number;
  body: Buffer;
  /** Bytes on the wire, headers included. */
  bytes: number;
}

const IDLE_MS = 2000;

class ConnectionLost extends Error {}

/** HTTP to one server on loopback over kept connections. */
export class HttpClient {
  /** Requests that had to be sent again: see `send`. */
  resent = 0;
  readonly #port: number;
  readonly #agent: Agent;
  readonly #gzip: boolean;

  /** @param gzip whether answers may be compressed, as a browser and most HTTP clients ask for */
  constructor(port: number, connections: number, gzip = false) {
    this.#port = port;
    this.#gzip = gzip;
    // The server ends idle connections after five seconds: this side lets go of them first.
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections, timeout: IDLE_MS });
  }

  /** A request on a kept connection that the server let go at that moment is sent again, once, on a new one. */
  async send(method: string, path: string, token?: string, body?: object): Promise<Answer> {
    try {
      return await this.#send(this.#agent, method, path, token, body);
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
      this.resent++;
      return this.#send(false, method, path, token, body);
    }
  }

  #send(agent: Agent | false, method: string, path: string, token?: string, body?: object): Promise<Answer> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers: Record<string, string | number> = {};
    if (this.#gzip) headers['accept-encoding'] = 'gzip';
    if (token !== undefined) headers.authorization = `Bearer ${token}`;
    if (text !== undefined) {
      headers['content-type'] = 'application/json';
      headers['content-length'] = Buffer.byteLength(text);
    }
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port: this.#port, method, path, headers, agent };
      const outgoing = request(options, (incoming) => {
        // Taken now: at the end of the answer the connection goes back to the agent.
        const socket = incoming.socket;
        const before = read.get(socket) ?? 0;
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('end', () => {
          const after = socket.bytesRead;
          read.set(socket, after);
          const received = Buffer.concat(chunks);
          const body = incoming.headers['content-encoding'] === 'gzip' ? gunzipSync(received) : received;
          resolve({ status: incoming.statusCode ?? 0, body, bytes: after - before });
        });
      });
      outgoing.setTimeout(60_000, () => outgoing.destroy(new Error(`no answer in 60 s: ${method} ${path}`)));
      const start = performance.now();
      outgoing.on('error', (cause) => {
        const after = `after ${(performance.now() - start).toFixed(0)} ms`;
        const Kind = outgoing.reusedSocket && 'code' in cause && cause.code === 'ECONNRESET' ? ConnectionLost : Error;
        reject(new Kind(`${method} ${path}: ${cause.message} ${after}`, { cause }));
      });
      outgoing.end(text);
    });
  }

  /** The parsed body of an answer that has to be one of `expected`. */
  async json<T>(expected: number[], method: string, path: string, token?: string, body?: object): Promise<T> {
    const answer = await this.send(method, path, token, body);
    if (!expected.includes(answer.status)) {
      throw new Error(`${method} ${path} answered ${answer.status}: ${answer.body.toString('utf8', 0, 400)}`);
    }
    return JSON.parse(answer.body.toString('utf8')) as T;
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** Bytes that earlier answers on a kept connection have taken. */
const read = new WeakMap<object, number>();
