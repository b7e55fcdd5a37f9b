import { BEARER_PREFIX, ServerFrame, SUBPROTOCOL } from '../../src/protocol/frames.ts';
import { request } from './api.ts';

const WAIT_MS = 5_000;

export interface Close {
  code: number;
  reason: string;
}

/** A client socket whose frames wait in a queue until a test takes them. */
export class TestSocket {
  readonly response: Response;
  readonly closed: Promise<Close>;
  readonly #socket: WebSocket;
  readonly #frames: ServerFrame[] = [];
  readonly #texts: string[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(response: Response) {
    const { webSocket } = response;
    if (webSocket === null) throw new Error(`no socket: ${response.status}`);
    this.response = response;
    this.#socket = webSocket;
    this.closed = new Promise((resolve) => {
      webSocket.addEventListener('close', ({ code, reason }) => resolve({ code, reason }));
    });
    webSocket.addEventListener('message', ({ data }) => this.#receive(String(data)));
    webSocket.accept();
  }

  #receive(text: string): void {
    this.#texts.push(text);
    if (text !== 'pong') {
      const message: unknown = JSON.parse(text);
      for (const frame of Array.isArray(message) ? message : [message]) this.#frames.push(ServerFrame.parse(frame));
    }
    for (const wake of [...this.#waiting]) wake();
  }

  /** Everything that came, as text, oldest first. */
  get texts(): readonly string[] {
    return this.#texts;
  }

  /** Frames that nobody took yet. */
  get pending(): readonly ServerFrame[] {
    return this.#frames;
  }

  /** Sends a frame, an array of them, or a bare text. */
  send(frame: unknown): void {
    this.#socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  /** Takes the first frame of this kind that comes (or waits in the queue); others stay. Fails after `timeout` ms. */
  async next<T extends ServerFrame['t']>(
    t: T,
    matches: (frame: Extract<ServerFrame, { t: T }>) => boolean = () => true,
    timeout = WAIT_MS,
  ): Promise<Extract<ServerFrame, { t: T }>> {
    const isWanted = (frame: ServerFrame): frame is Extract<ServerFrame, { t: T }> => frame.t === t;
    const deadline = Date.now() + timeout;
    for (;;) {
      for (const [index, frame] of this.#frames.entries()) {
        if (!isWanted(frame) || !matches(frame)) continue;
        this.#frames.splice(index, 1);
        return frame;
      }
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`no ${t} frame in ${timeout} ms; there are: ${JSON.stringify(this.#frames)}`);
      await this.#arrival(left);
    }
  }

  /** Waits until a text comes that is exactly this one (`pong`). */
  async nextText(text: string, timeout = WAIT_MS): Promise<void> {
    const deadline = Date.now() + timeout;
    while (!this.#texts.includes(text)) {
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`no ${text} in ${timeout} ms`);
      await this.#arrival(left);
    }
  }

  #arrival(timeout: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, timeout);
      this.#waiting.add(wake);
    });
  }

  close(code = 1000, reason = ''): void {
    this.#socket.close(code, reason);
  }
}

/** Opens a socket as a browser does, with the token as a subprotocol; `headers` replace that. */
export async function openSocket(
  path: string,
  token?: string,
  headers: Record<string, string> = {},
): Promise<TestSocket> {
  const protocol = token === undefined ? SUBPROTOCOL : `${SUBPROTOCOL}, ${BEARER_PREFIX}${token}`;
  return new TestSocket(
    await request(path, { headers: { upgrade: 'websocket', 'sec-websocket-protocol': protocol, ...headers } }),
  );
}
