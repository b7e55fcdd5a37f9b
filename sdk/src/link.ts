import type { ClientFrame, ServerFrame } from '../../src/protocol/frames.ts';
import { BEARER_PREFIX, PING, PONG, SUBPROTOCOL } from '../../src/protocol/wire.ts';
import { Backoff } from './backoff.ts';
import { encodeBatches } from './batches.ts';
import type { Environment, Socket } from './environment.ts';
import { asError, isErrorCode, NetworkError, TidelineError } from './errors.ts';
import type { Authority } from './http.ts';

const CONNECT_TIMEOUT = 15_000;
/** A socket that is silent for this long is asked for a sign of life… */
const PING_AFTER = 25_000;
/** …and given up when none comes in this time. */
const PONG_WITHIN = 10_000;
/** A server that refuses accepts first, then closes: a socket counts as open with its first frame, or after this long. */
const GREETED_WITHIN = 1_000;
/** A connection that lived this long was a good one: the next wait starts small again. */
const STABLE_AFTER = 5_000;

export interface LinkEvents {
  open(): void;
  /** Frames of one message, and the message's length in characters. */
  frames(frames: ServerFrame[], size: number): void;
  /** The connection was lost, or could not be made; the link tries again by itself. */
  down(error: Error): void;
  /** The server refused for good; the link has stopped. */
  refused(error: TidelineError): void;
}

/** One WebSocket that is kept open: connects, proves itself alive, reconnects. */
export class Link {
  readonly #environment: Environment;
  readonly #authority: Authority;
  readonly #url: () => string;
  readonly #events: LinkEvents;
  readonly #backoff: Backoff;
  #socket: Socket | undefined;
  #wanted = false;
  #open = false;
  #waiting: ClientFrame[] = [];
  #cancelWait: (() => void) | undefined;
  #cancelHeartbeat: (() => void) | undefined;
  #lastHeard = 0;

  constructor(environment: Environment, authority: Authority, url: () => string, events: LinkEvents) {
    this.#environment = environment;
    this.#authority = authority;
    this.#url = url;
    this.#events = events;
    this.#backoff = new Backoff(environment.random);
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Bytes that the platform has not sent yet. */
  get bufferedAmount(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  start(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#backoff.reset();
    void this.#connect();
  }

  stop(): void {
    this.#wanted = false;
    this.#cancelWait?.();
    this.#cancelWait = undefined;
    this.#detach(1000);
  }

  /** Tries at once if it is waiting to: the network came back. */
  kick(): void {
    if (this.#cancelWait === undefined) return;
    this.#cancelWait();
    this.#cancelWait = undefined;
    this.#backoff.reset();
    void this.#connect();
  }

  /** Gives the connection up and makes a new one. */
  restart(reason: string): void {
    if (this.#socket !== undefined) this.#lost(new NetworkError(reason), 0);
  }

  /** Sends with whatever else is sent in this turn, in one message. False: not connected, nothing will be sent. */
  send(frame: ClientFrame): boolean {
    if (!this.#open) return false;
    if (this.#waiting.push(frame) === 1) queueMicrotask(() => this.#flush());
    return true;
  }

  #flush(): void {
    const frames = this.#waiting;
    this.#waiting = [];
    if (!this.#open || this.#socket === undefined) return;
    for (const text of encodeBatches(frames)) this.#socket.send(text);
  }

  async #connect(): Promise<void> {
    let token: string;
    try {
      token = await this.#authority.token();
    } catch (error) {
      if (!this.#wanted) return;
      if (error instanceof TidelineError && (error.status === 401 || error.status === 403)) return this.#refuse(error);
      return this.#again(asError(error), 0);
    }
    if (!this.#wanted || this.#socket !== undefined) return;
    let socket: Socket;
    try {
      socket = new this.#environment.WebSocket(this.#url(), [SUBPROTOCOL, BEARER_PREFIX + token]);
    } catch (error) {
      return this.#again(asError(error), 0);
    }
    this.#socket = socket;
    const openedBy = this.#environment.clock.now();
    this.#cancelHeartbeat = this.#environment.clock.after(CONNECT_TIMEOUT, () => {
      this.#lost(new NetworkError('The connection could not be made in time'), 0);
    });
    const mine = (act: () => void) => () => {
      if (this.#socket === socket) act();
    };
    socket.addEventListener(
      'open',
      mine(() => {
        this.#cancelHeartbeat?.();
        this.#cancelHeartbeat = this.#environment.clock.after(GREETED_WITHIN, () => this.#opened());
      }),
    );
    socket.addEventListener('message', (event) => {
      if (this.#socket === socket) this.#receive(event.data);
    });
    // A close event follows an error event on every platform but a broken one; the first of the two counts.
    socket.addEventListener(
      'error',
      mine(() => this.#lost(new NetworkError('The connection failed'), openedBy)),
    );
    socket.addEventListener('close', (event) => {
      if (this.#socket === socket) void this.#closed(event.code ?? 1006, event.reason ?? '', openedBy, token);
    });
  }

  #opened(): void {
    this.#open = true;
    this.#lastHeard = this.#environment.clock.now();
    this.#heartbeat();
    this.#events.open();
  }

  #receive(data: unknown): void {
    this.#lastHeard = this.#environment.clock.now();
    if (!this.#open) this.#opened();
    if (typeof data !== 'string' || data === PONG) return;
    let parsed: ServerFrame | ServerFrame[];
    try {
      parsed = JSON.parse(data) as ServerFrame | ServerFrame[];
    } catch (cause) {
      this.#lost(new NetworkError('The server sent what is no frame', { cause }), 0);
      return;
    }
    this.#events.frames(Array.isArray(parsed) ? parsed : [parsed], data.length);
  }

  #heartbeat(): void {
    this.#cancelHeartbeat?.();
    const { clock } = this.#environment;
    this.#cancelHeartbeat = clock.after(Math.max(0, this.#lastHeard + PING_AFTER - clock.now()), () => {
      if (clock.now() - this.#lastHeard < PING_AFTER) return this.#heartbeat();
      const asked = clock.now();
      this.#socket?.send(PING);
      this.#cancelHeartbeat = clock.after(PONG_WITHIN, () => {
        if (this.#lastHeard < asked) this.#lost(new NetworkError('The connection went silent'), 0);
        else this.#heartbeat();
      });
    });
  }

  async #closed(code: number, reason: string, since: number, token: string): Promise<void> {
    if (code < 4000 || code > 4999 || !isErrorCode(reason)) {
      return this.#lost(new NetworkError(`The connection was closed (${code})`), since);
    }
    const error = new TidelineError(reason, `The server closed the connection: ${reason}`);
    switch (reason) {
      case 'token_expired':
      case 'unauthenticated':
        this.#detach();
        try {
          await this.#authority.renew(token);
        } catch (failure) {
          if (!this.#wanted) return;
          if (failure instanceof TidelineError && failure.status === 401) return this.#refuse(failure);
          return this.#again(asError(failure), 0);
        }
        return this.#again(error, 0);
      case 'session_ended':
      case 'suspended':
      case 'forbidden':
      case 'not_found':
        return this.#refuse(error);
      default:
        return this.#lost(error, 0);
    }
  }

  #refuse(error: TidelineError): void {
    this.stop();
    this.#events.refused(error);
  }

  /** @param since when the connection was begun; 0: it counts as a failure however long it lived */
  #lost(error: Error, since: number): void {
    const lived = since > 0 && this.#open && this.#environment.clock.now() - since > STABLE_AFTER;
    this.#detach();
    this.#again(error, 0, lived);
  }

  #again(error: Error, atLeast: number, afresh = false): void {
    if (!this.#wanted || this.#cancelWait !== undefined) return;
    if (afresh) this.#backoff.reset();
    this.#events.down(error);
    if (!this.#wanted || this.#cancelWait !== undefined) return;
    this.#cancelWait = this.#environment.clock.after(this.#backoff.next(atLeast), () => {
      this.#cancelWait = undefined;
      void this.#connect();
    });
  }

  /** Lets go of the socket: nothing of it is heard any more. */
  #detach(code?: number): void {
    this.#cancelHeartbeat?.();
    this.#cancelHeartbeat = undefined;
    const socket = this.#socket;
    this.#socket = undefined;
    this.#open = false;
    this.#waiting = [];
    try {
      socket?.close(code);
    } catch {
      // It was never open, or is closed already.
    }
  }
}
