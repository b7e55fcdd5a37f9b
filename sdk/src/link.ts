import type { ClientFrame, ServerFrame } from '../../src/protocol/frames.ts';
import { BEARER_PREFIX, PING, PONG, SUBPROTOCOL } from '../../src/protocol/wire.ts';
import { Backoff } from './backoff.ts';
import { encodeBatches } from './batches.ts';
import type { Runtime, Socket } from './environment.ts';
import { asError, isErrorCode, NetworkError, TidelineError } from './errors.ts';

const CONNECT_TIMEOUT = 15_000;
/** A socket that is silent for this long is asked for a sign of life… */
const PING_AFTER = 25_000;
/** …and given up when none comes in this time. */
const ANSWER_WITHIN = 10_000;
/** A server that refuses accepts first, then closes: a socket counts as open with its first frame, or after this long. */
const GREETED_WITHIN = 1_000;
/**
 * How often a socket is looked at. A server may say goodbye and leave the connection standing for a long time; until it
 * ends most platforms fire no close event, and show the goodbye in `readyState` alone.
 */
const LOOK_EVERY = 1_000;
const OPEN = 1;
/** A server that said it is busy is left alone for this long at least. */
const BUSY_WAIT = 1_000;
/** A connection that lived this long was a good one: the next wait starts small again. */
const STABLE_AFTER = 5_000;

/** The token that a socket is opened with. */
export interface Pass {
  readonly token: string;
  /** It is no access token: the socket has to be renewed with one within minutes. */
  readonly resumed: boolean;
}

/** Where the tokens of sockets come from, and when to come back. */
export interface SocketAuthority {
  pass(): Promise<Pass>;
  /** The server refused this one. */
  renew(refused: string): Promise<void>;
  /** Milliseconds to wait before the first attempt after the server went away, if the server gave a slot. */
  readonly slot: number | undefined;
}

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
  readonly #environment: Runtime;
  readonly #authority: SocketAuthority;
  readonly #url: (resumed: boolean) => string;
  readonly #events: LinkEvents;
  readonly #backoff: Backoff;
  #socket: Socket | undefined;
  #wanted = false;
  #open = false;
  #resumed = false;
  #waiting: ClientFrame[] = [];
  #cancelWait: (() => void) | undefined;
  #cancelHeartbeat: (() => void) | undefined;
  #lastHeard = 0;
  #lastFrame = 0;
  /** Since when the server owes a frame. */
  #owedSince: number | undefined;
  /** When the connection was begun. */
  #since = 0;

  /** @param url where to connect to, given whether it is with a resume token */
  constructor(environment: Runtime, authority: SocketAuthority, url: (resumed: boolean) => string, events: LinkEvents) {
    this.#environment = environment;
    this.#authority = authority;
    this.#url = url;
    this.#events = events;
    this.#backoff = new Backoff(environment.random);
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Whether the connection was opened with a resume token. */
  get resumed(): boolean {
    return this.#resumed;
  }

  /** Milliseconds since the last frame. A pong is none: it says that the connection is there, not that anybody listens to it. */
  get silentFor(): number {
    return this.#environment.clock.steady() - this.#lastFrame;
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
    if (this.#socket !== undefined) this.#lost(new NetworkError(reason));
  }

  /** Sends with whatever else is sent in this turn, in one message. False: not connected, nothing will be sent. */
  send(frame: ClientFrame): boolean {
    if (!this.#open) return false;
    if (this.#waiting.push(frame) === 1) queueMicrotask(() => this.#flush());
    return true;
  }

  /**
   * Hands on a new token, or the same again. The server answers, and a connection on which it does not is given up: pongs are
   * the runtime's, which may hold a connection whose object has failed and knows nothing of it any more.
   */
  authorise(token: string): void {
    if (this.send({ t: 'auth', token })) this.#owedSince ??= this.#environment.clock.steady();
  }

  #flush(): void {
    const frames = this.#waiting;
    this.#waiting = [];
    if (!this.#open || this.#socket === undefined) return;
    for (const text of encodeBatches(frames)) this.#socket.send(text);
  }

  async #connect(): Promise<void> {
    let pass: Pass;
    try {
      pass = await this.#authority.pass();
    } catch (error) {
      if (!this.#wanted) return;
      if (error instanceof TidelineError && (error.status === 401 || error.status === 403)) return this.#refuse(error);
      return this.#again(asError(error));
    }
    if (!this.#wanted || this.#socket !== undefined) return;
    let socket: Socket;
    try {
      socket = new this.#environment.WebSocket(this.#url(pass.resumed), [SUBPROTOCOL, BEARER_PREFIX + pass.token]);
    } catch (error) {
      return this.#again(asError(error));
    }
    this.#socket = socket;
    this.#resumed = pass.resumed;
    this.#since = this.#environment.clock.steady();
    this.#cancelHeartbeat = this.#environment.clock.after(CONNECT_TIMEOUT, () => {
      this.#lost(new NetworkError('The connection could not be made in time'));
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
      mine(() => this.#broken('The connection failed')),
    );
    socket.addEventListener('close', (event) => {
      if (this.#socket === socket) void this.#closed(event.code ?? 1006, event.reason ?? '', pass.token);
    });
  }

  #opened(): void {
    this.#open = true;
    this.#lastHeard = this.#lastFrame = this.#environment.clock.steady();
    this.#owedSince = undefined;
    this.#heartbeat();
    this.#events.open();
  }

  #receive(data: unknown): void {
    this.#lastHeard = this.#environment.clock.steady();
    if (!this.#open) this.#opened();
    if (typeof data !== 'string' || data === PONG) return;
    this.#lastFrame = this.#lastHeard;
    this.#owedSince = undefined;
    let parsed: ServerFrame | ServerFrame[];
    try {
      parsed = JSON.parse(data) as ServerFrame | ServerFrame[];
    } catch (cause) {
      this.#lost(new NetworkError('The server sent what is no frame', { cause }));
      return;
    }
    this.#events.frames(Array.isArray(parsed) ? parsed : [parsed], data.length);
  }

  /** Looks after an open socket: has the server closed it, is it still alive? */
  #heartbeat(asked?: number): void {
    const { clock } = this.#environment;
    this.#cancelHeartbeat?.();
    this.#cancelHeartbeat = clock.after(LOOK_EVERY, () => {
      const now = clock.steady();
      if (this.#socket?.readyState !== OPEN) {
        // A goodbye of the server's, so no slot. Why it was closed, the next attempt is told.
        this.#lost(new NetworkError('The server closed the connection'));
      } else if (now - (this.#owedSince ?? now) >= ANSWER_WITHIN) {
        this.#lost(new NetworkError('The server does not answer'));
      } else if (now - this.#lastHeard < PING_AFTER) {
        this.#heartbeat();
      } else if (asked === undefined) {
        this.#socket.send(PING);
        this.#heartbeat(now);
      } else if (now - asked < ANSWER_WITHIN) {
        this.#heartbeat(asked);
      } else {
        this.#lost(new NetworkError('The connection went silent'));
      }
    });
  }

  async #closed(code: number, reason: string, token: string): Promise<void> {
    if (code < 4000) return this.#broken(`The connection was closed (${code})`);
    if (code > 4999 || !isErrorCode(reason)) {
      return this.#lost(new NetworkError(`The connection was closed (${code})`));
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
          return this.#again(asError(failure));
        }
        return this.#again(error);
      case 'session_ended':
      case 'suspended':
      case 'forbidden':
      case 'not_found':
        return this.#refuse(error);
      default:
        return this.#lost(error);
    }
  }

  #refuse(error: TidelineError): void {
    this.stop();
    this.#events.refused(error);
  }

  /** The server has gone away, and perhaps from everybody: whoever had a connection comes back in their slot. */
  #broken(reason: string): void {
    const slot = this.#open ? this.#authority.slot : undefined;
    this.#lost(new NetworkError(reason), slot);
  }

  #lost(error: Error, slot?: number): void {
    if (this.#open && this.#environment.clock.steady() - this.#since > STABLE_AFTER) this.#backoff.reset();
    this.#detach();
    this.#again(error, slot);
  }

  #again(error: Error, slot?: number): void {
    if (!this.#wanted || this.#cancelWait !== undefined) return;
    const busy = error instanceof TidelineError && (error.code === 'rate_limited' || error.code === 'unavailable');
    // A connection that breaks again and again falls back on growing waits: a slot may be short.
    const first = this.#backoff.attempt === 0;
    const jittered = this.#backoff.next(busy ? BUSY_WAIT : 0);
    this.#cancelWait = this.#environment.clock.after(first ? (slot ?? jittered) : jittered, () => {
      this.#cancelWait = undefined;
      void this.#connect();
    });
    this.#events.down(error);
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
