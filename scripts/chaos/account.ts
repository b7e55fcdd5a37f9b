import { setTimeout as delay } from 'node:timers/promises';
import type { Tokens } from '../../src/protocol/users.ts';

const PASSWORD = 'correct horse battery staple';
const PATIENCE = 15_000;

export interface Answered {
  status: number;
  body: unknown;
}

export const field = (value: unknown, name: string): unknown => Reflect.get(Object(value), name);
export const textOf = (value: unknown, name: string): string => {
  const found = field(value, name);
  return typeof found === 'string' ? found : '';
};

/** One request: bytes go as they are, any other body as JSON. Throws when there is no whole answer; then nothing is known of what it did. */
export async function ask(
  url: string,
  method: string,
  path: string,
  token?: string,
  body?: unknown,
): Promise<Answered> {
  const isRaw = body instanceof Uint8Array;
  const answer = await fetch(url + path, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': isRaw ? 'application/octet-stream' : 'application/json' }),
    },
    ...(body === undefined ? {} : { body: isRaw ? Buffer.from(body) : JSON.stringify(body) }),
    signal: AbortSignal.timeout(PATIENCE),
  });
  const text = await answer.text();
  return { status: answer.status, body: text === '' ? null : (JSON.parse(text) as unknown) };
}

/** A signed-in session of an account, which renews its token when it ends. */
export class Account {
  readonly email: string;
  id = '';
  session = '';
  #tokens: Tokens | undefined;
  #renewing: Promise<void> | undefined;
  readonly #url: () => string;

  constructor(url: () => string, email: string) {
    this.#url = url;
    this.email = email;
  }

  get token(): string {
    return this.#tokens?.token ?? '';
  }

  async signUp(name: string): Promise<void> {
    const answer = await this.#insist('/api/auth/signup', { fullname: name, email: this.email, password: PASSWORD });
    // The first attempt may have got through although its answer was lost.
    if (answer.status === 409) await this.signIn();
    else this.#adopt(answer);
  }

  async signIn(): Promise<void> {
    this.#adopt(await this.#insist('/api/auth/signin', { email: this.email, password: PASSWORD }));
  }

  /** A new access token. When the session is over, another session. */
  renew(): Promise<void> {
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async #renew(): Promise<void> {
    const refresh_token = this.#tokens?.refresh_token ?? '';
    const answer = await this.#insist('/api/auth/refresh', { refresh_token, attempt: crypto.randomUUID() });
    if (answer.status === 200) this.#adopt(answer);
    else await this.signIn();
  }

  async #insist(path: string, body: object): Promise<Answered> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const answer = await ask(this.#url(), 'POST', path, undefined, body);
        if (answer.status < 500 && answer.status !== 429) return answer;
      } catch (error) {
        if (attempt >= 60) throw error;
      }
      if (attempt >= 60) throw new Error(`${path} was never answered`);
      await delay(250);
    }
  }

  #adopt({ status, body }: Answered): void {
    if (status !== 200 && status !== 201) throw new Error(`no session: ${status} ${JSON.stringify(body)}`);
    this.#tokens = body as Tokens;
    this.id = this.#tokens.user.id;
    const [, payload = ''] = this.#tokens.token.split('.');
    this.session = textOf(JSON.parse(Buffer.from(payload, 'base64url').toString()), 'sid');
  }

  /** A request of this session; one whose token has ended is made again with a new one. */
  async call(method: string, path: string, body?: unknown): Promise<Answered> {
    const answer = await ask(this.#url(), method, path, this.token, body);
    if (answer.status !== 401 || textOf(answer.body, 'code') !== 'token_expired') return answer;
    await this.renew();
    return ask(this.#url(), method, path, this.token, body);
  }
}
