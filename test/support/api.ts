import { env, exports } from 'cloudflare:workers';
import type { z } from 'zod';
import type { Tokens } from '../../src/protocol/users.ts';

/** The address that the tests call; nothing is opened on a network. */
export const ORIGIN = env.PUBLIC_URL;

export interface Call {
  method?: string;
  token?: string;
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is, in place of `body`. */
  raw?: BodyInit;
  headers?: Record<string, string>;
}

export interface Answer<T = unknown> {
  status: number;
  headers: Headers;
  body: T;
}

/** Calls the Worker through its door. The method is POST when there is a body, else GET. */
export async function request(path: string, call: Call = {}): Promise<Response> {
  const headers = new Headers(call.headers);
  if (call.token !== undefined) headers.set('authorization', `Bearer ${call.token}`);
  const payload = call.raw ?? (call.body === undefined ? undefined : JSON.stringify(call.body));
  if (call.body !== undefined && !headers.has('content-type')) headers.set('content-type', 'application/json');
  return exports.default.fetch(
    new Request(new URL(path, ORIGIN), {
      method: call.method ?? (payload === undefined ? 'GET' : 'POST'),
      headers,
      ...(payload === undefined ? {} : { body: payload }),
    }),
  );
}

/** As `request`, with the body read as JSON (null when it is empty). */
export async function api<T = unknown>(path: string, call: Call = {}): Promise<Answer<T>> {
  const response = await request(path, call);
  const text = await response.text();
  const parsed: unknown = text === '' ? null : JSON.parse(text);
  // What a test expects here it then asserts on; `expectJson` checks it against a schema.
  return { status: response.status, headers: response.headers, body: parsed as T };
}

/** Calls, checks the status and the body against its schema, and returns the body. */
export async function expectJson<S extends z.ZodType>(
  schema: S,
  status: number,
  path: string,
  call: Call = {},
): Promise<z.output<S>> {
  const answer = await api(path, call);
  if (answer.status !== status) {
    throw new Error(
      `${call.method ?? ''} ${path}: ${answer.status} ${JSON.stringify(answer.body)}, expected ${status}`,
    );
  }
  return schema.parse(answer.body);
}

export interface Account extends Tokens {
  id: string;
  email: string;
  password: string;
}

let count = 0;
/** A text that no other test of the run uses. */
export const unique = (prefix: string): string => {
  count += 1;
  return `${prefix}${count}x${crypto.randomUUID().slice(0, 8)}`;
};

/** A new account, signed up through the door. */
export async function signUp(fields: Record<string, string> = {}): Promise<Account> {
  const email = `${unique('user')}@example.com`;
  const password = 'correct horse battery staple';
  const body = { fullname: 'Test User', email, password, ...fields };
  const answer = await api<Tokens>('/api/auth/signup', { body });
  if (answer.status !== 201) throw new Error(`sign-up: ${answer.status} ${JSON.stringify(answer.body)}`);
  return { ...answer.body, id: answer.body.user.id, email: body.email, password: body.password };
}

/** Signs an account in again: another session. */
export async function signIn(account: Account, device?: string): Promise<Account> {
  const { email, password } = account;
  const answer = await api<Tokens>('/api/auth/signin', { body: { email, password, ...(device ? { device } : {}) } });
  if (answer.status !== 200) throw new Error(`sign-in: ${answer.status} ${JSON.stringify(answer.body)}`);
  return { ...account, ...answer.body };
}
