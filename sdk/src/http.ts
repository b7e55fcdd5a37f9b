import { Backoff } from './backoff.ts';
import { type Environment, type HttpResponse, sleep } from './environment.ts';
import { errorFromResponse, isTransient, NetworkError, TidelineError } from './errors.ts';

export interface RequestOptions {
  /** GET unless there is a body, then POST. */
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is, in place of `body`. */
  content?: Blob;
  /** `blob`: the answer is a Blob. JSON otherwise. */
  answer?: 'json' | 'blob';
  /** Beside those that every request has; names in lower case. */
  headers?: Readonly<Record<string, string>>;
  /** Milliseconds for one attempt; 30 s unless given. */
  timeout?: number;
  /** Parameters that are undefined are left out. */
  query?: Readonly<Record<string, string | number | undefined>>;
  /** false: without the session's token. */
  auth?: boolean;
  /** Whether making it twice does no more than once; then it is made again when its answer is lost. By method, unless given. */
  idempotent?: boolean;
  /** Attempts after the first. */
  retries?: number;
  signal?: AbortSignal;
}

/** Where the token of a request comes from, and what to do when it was refused. */
export interface Authority {
  /** A token that is good now. */
  token(): Promise<string>;
  /** The server refused this one. */
  renew(refused: string): Promise<void>;
}

const TIMEOUT = 30_000;
/** Longer waits than this are the caller's decision. */
const LONGEST_WAIT = 30_000;

/** Requests over REST: the token, retries, and errors as exceptions. */
export class Http {
  readonly #environment: Environment;
  readonly #base: string;
  readonly #authority: () => Authority;

  constructor(environment: Environment, base: string, authority: () => Authority) {
    this.#environment = environment;
    this.#base = base;
    this.#authority = authority;
  }

  /**
   * @returns the JSON of the answer; undefined when it has no body
   * @throws TidelineError when the server refuses, NetworkError when it is not reached
   */
  async request<T>(path: string, options: RequestOptions = {}): Promise<T> {
    const method = options.method ?? (options.body === undefined && options.content === undefined ? 'GET' : 'POST');
    const idempotent = options.idempotent ?? (method === 'GET' || method === 'PUT' || method === 'DELETE');
    const retries = options.retries ?? 3;
    const backoff = new Backoff(this.#environment.random, 300, 5_000);
    for (;;) {
      try {
        return await this.#authorised<T>(method, path, options);
      } catch (error) {
        const wait = backoff.next(error instanceof TidelineError ? (error.retryAfter ?? 0) * 1000 : 0);
        const again = idempotent && isTransient(error) && backoff.attempt <= retries && wait <= LONGEST_WAIT;
        if (!again || options.signal?.aborted) throw error;
        await sleep(this.#environment.clock, wait, options.signal);
        if (options.signal?.aborted) throw error;
      }
    }
  }

  async #authorised<T>(method: string, path: string, options: RequestOptions): Promise<T> {
    if (options.auth === false) return this.#once<T>(method, path, options, undefined);
    const authority = this.#authority();
    const token = await authority.token();
    try {
      return await this.#once<T>(method, path, options, token);
    } catch (error) {
      const expired = error instanceof TidelineError && error.status === 401 && error.code !== 'session_ended';
      if (!expired || error.code === 'invalid_credentials') throw error;
      await authority.renew(token);
      return this.#once<T>(method, path, options, await authority.token());
    }
  }

  async #once<T>(method: string, path: string, options: RequestOptions, token: string | undefined): Promise<T> {
    const headers: Record<string, string> = {
      accept: options.answer === 'blob' ? '*/*' : 'application/json',
      ...options.headers,
    };
    if (token !== undefined) headers.authorization = `Bearer ${token}`;
    if (options.body !== undefined) headers['content-type'] = 'application/json';
    const controller = new AbortController();
    const abort = () => controller.abort(options.signal?.reason);
    if (options.signal?.aborted) abort();
    options.signal?.addEventListener('abort', abort);
    const cancelTimeout = this.#environment.clock.after(options.timeout ?? TIMEOUT, () =>
      controller.abort(new Error('timed out')),
    );
    let response: HttpResponse;
    let text = '';
    let blob: Blob | undefined;
    try {
      response = await this.#environment.fetch(this.#base + path + queryString(options.query), {
        method,
        headers,
        signal: controller.signal,
        ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
        ...(options.content === undefined ? {} : { body: options.content }),
      });
      if (options.answer === 'blob' && response.status < 300) blob = await response.blob?.();
      else text = await response.text();
    } catch (cause) {
      throw new NetworkError(`${method} ${path}: the server was not reached`, { cause });
    } finally {
      cancelTimeout();
      options.signal?.removeEventListener('abort', abort);
    }
    if (response.status < 200 || response.status > 299) {
      throw errorFromResponse(response.status, text, response.headers.get('retry-after'));
    }
    // A caller who asks for a Blob says that T is one.
    if (options.answer === 'blob') return blob as T;
    if (text === '') return undefined as T;
    try {
      return JSON.parse(text) as T;
    } catch (cause) {
      throw new NetworkError(`${method} ${path}: the answer is not JSON: is this the address of a Tideline server?`, {
        cause,
      });
    }
  }
}

function queryString(query: RequestOptions['query']): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) if (value !== undefined) parameters.set(name, String(value));
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}
