import { steady } from '../../src/clock.ts';
import { TidelineError } from './errors.ts';

/** Time, as the client sees it. Injected, so that tests can move it. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls `run` once after `ms` milliseconds; the function returned cancels it. */
  after(ms: number, run: () => void): () => void;
}

export interface HttpRequest {
  method: string;
  headers: Record<string, string>;
  body?: string | Blob;
  signal: AbortSignal;
}
export interface HttpResponse {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  text(): Promise<string>;
  /** Needed to download files. */
  blob?(): Promise<Blob>;
}
/** The part of the standard `fetch` that the client uses. */
export type Fetch = (url: string, request: HttpRequest) => Promise<HttpResponse>;

export interface SocketEvent {
  readonly data?: unknown;
  readonly code?: number;
  readonly reason?: string;
}
/** The part of the standard WebSocket that the client uses. */
export interface Socket {
  /** 0 connecting, 1 open, 2 closing, 3 closed. */
  readonly readyState: number;
  readonly bufferedAmount: number;
  send(text: string): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: 'open' | 'message' | 'close' | 'error', listener: (event: SocketEvent) => void): void;
}
export type SocketConstructor = new (url: string, protocols: string[]) => Socket;

export interface Environment {
  readonly fetch: Fetch;
  readonly WebSocket: SocketConstructor;
  readonly clock: Clock;
  /** A number in [0, 1), for jitter only. */
  readonly random: () => number;
}

/** A clock that pauses and timeouts are measured by, too: who sets their device's time back waits no longer for it. */
export interface SteadyClock extends Clock {
  /** Milliseconds that never go back. */
  steady(): number;
}
/** What the parts of the client are given. */
export interface Runtime extends Environment {
  readonly clock: SteadyClock;
}

const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, run) {
    // Longer delays than a signed 32-bit number of milliseconds would run at once.
    const timer = setTimeout(run, Math.min(ms, 2 ** 31 - 1));
    return () => clearTimeout(timer);
  },
};

/** The platform's own parts, each replaceable. */
export function environment(given: Partial<Environment> = {}): Runtime {
  const WebSocket = given.WebSocket ?? (globalThis.WebSocket as SocketConstructor | undefined);
  if (WebSocket === undefined) {
    throw new TidelineError(
      'unavailable',
      'This runtime has no global WebSocket (Node.js has it from version 22 on): upgrade, or pass a standard one in `WebSocket`',
    );
  }
  const platformFetch = globalThis.fetch as typeof globalThis.fetch | undefined;
  if (given.fetch === undefined && platformFetch === undefined) {
    throw new TidelineError(
      'unavailable',
      'This runtime has no global fetch: upgrade, or pass a standard one in `fetch`',
    );
  }
  const clock = given.clock ?? systemClock;
  const now = () => clock.now();
  return {
    fetch: given.fetch ?? ((url, request) => globalThis.fetch(url, request)),
    WebSocket,
    clock: { now, after: (ms, run) => clock.after(ms, run), steady: steady(now) },
    random: given.random ?? Math.random,
  };
}

/** A random name of 128 bits: 22 characters that need no quoting anywhere. */
export function randomName(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

/** Resolves after `ms`, or as soon as `signal` aborts. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.after(ms, done);
    signal?.addEventListener('abort', done);
  });
}
