import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { countAttempt } from '../../src/auth/attempts.ts';
import { database } from '../../src/db/client.ts';
import { ApiError } from '../../src/errors.ts';
import { Problem } from '../../src/protocol/errors.ts';
import { ATTEMPTS } from '../../src/protocol/limits.ts';
import { Tokens } from '../../src/protocol/users.ts';
import { api, expectJson, signUp, unique } from '../support/api.ts';

const PASSWORDS = ATTEMPTS.passwordsPerAccount;
const password = 'correct horse battery staple';
const signUpBody = <F extends Record<string, unknown>>(fields: F = {} as F) => ({
  fullname: 'Ada Lovelace',
  email: `${unique('ada')}@example.com`,
  password,
  ...fields,
});
const refusal = (status: number, path: string, body: unknown) => expectJson(Problem, status, path, { body });

describe('sign-up', () => {
  it('makes an account and opens its first session', async () => {
    const body = signUpBody({ handle: unique('ada'), device: 'Laptop' });
    const tokens = await expectJson(Tokens, 201, '/api/auth/signup', { body });
    expect(tokens.expires_in).toBe(900);
    expect(tokens.user).toMatchObject({
      fullname: 'Ada Lovelace',
      email: body.email,
      handle: body.handle,
      avatar: null,
      status: 'Active',
    });
    expect(tokens.user.created_at).toBe(tokens.user.updated_at);
  });

  it('normalises the e-mail address, and takes it once', async () => {
    const local = unique('Ada');
    const first = await expectJson(Tokens, 201, '/api/auth/signup', {
      body: signUpBody({ email: `  ${local}@Example.COM ` }),
    });
    expect(first.user.email).toBe(`${local.toLowerCase()}@example.com`);
    const again = await refusal(409, '/api/auth/signup', signUpBody({ email: `${local.toUpperCase()}@example.com` }));
    expect(again.code).toBe('email_taken');
  });

  it('takes an address once however many ask at the same time', async () => {
    const body = signUpBody();
    const answers = await Promise.all(Array.from({ length: 5 }, () => api('/api/auth/signup', { body })));
    expect(answers.map((answer) => answer.status).sort()).toEqual([201, 409, 409, 409, 409]);
  });

  it('takes a handle once, and leaves nothing of the account that came second', async () => {
    const handle = unique('h');
    await signUp({ handle });
    const body = signUpBody({ handle: handle.toUpperCase() });
    expect((await refusal(409, '/api/auth/signup', body)).code).toBe('handle_taken');
    await expectJson(Tokens, 201, '/api/auth/signup', { body: { ...body, handle: unique('h') } });
  });

  it.each([
    ['a short password', { password: '1234567' }, 'password'],
    ['a long password', { password: 'x'.repeat(257) }, 'password'],
    ['no e-mail address', { email: undefined }, 'email'],
    ['text that is no e-mail address', { email: 'ada' }, 'email'],
    ['an empty name', { fullname: '   ' }, 'fullname'],
    ['a name with a control character', { fullname: 'Ada\u0000' }, 'fullname'],
    ['a lone surrogate', { fullname: 'Ada\ud800' }, 'fullname'],
    ['a bad handle', { handle: '1ada' }, 'handle'],
  ])('refuses %s and says where it is', async (_what, fields, path) => {
    const problem = await refusal(422, '/api/auth/signup', signUpBody(fields));
    expect(problem.code).toBe('invalid');
    expect(problem.errors?.map((error) => error.path)).toContain(path);
  });

  it('takes passwords of 8 and of 256 characters, in any script', async () => {
    for (const text of ['12345678', 'x'.repeat(256), '好'.repeat(256)]) {
      const body = signUpBody({ password: text });
      await expectJson(Tokens, 201, '/api/auth/signup', { body });
      await expectJson(Tokens, 200, '/api/auth/signin', { body: { email: body.email, password: text } });
    }
  });

  it('refuses a key that it does not know', async () => {
    const problem = await refusal(422, '/api/auth/signup', signUpBody({ status: 'Active', role: 'admin' }));
    expect(problem.detail).toMatch(/status|role/);
  });
});

describe('sign-in', () => {
  it('opens another session of the same user, whatever the case of the address', async () => {
    const account = await signUp();
    const body = { email: ` ${account.email.toUpperCase()}`, password: account.password };
    const tokens = await expectJson(Tokens, 200, '/api/auth/signin', { body });
    expect(tokens.user.id).toBe(account.id);
    expect(tokens.refresh_token).not.toBe(account.refresh_token);
  });

  it('answers alike for a wrong password and an unknown address', async () => {
    const { email } = await signUp();
    const wrong = await refusal(401, '/api/auth/signin', { email, password: 'wrong password' });
    const unknown = await refusal(401, '/api/auth/signin', {
      email: `${unique('nobody')}@example.com`,
      password: 'wrong password',
    });
    const { request_id: _a, ...left } = wrong;
    const { request_id: _b, ...right } = unknown;
    expect(left).toEqual(right);
    expect(left.code).toBe('invalid_credentials');
  });

  it('spends no hash on a password that is too long', async () => {
    const { email } = await signUp();
    expect((await refusal(422, '/api/auth/signin', { email, password: 'x'.repeat(257) })).code).toBe('invalid');
  });
});

describe('the limit on wrong passwords', () => {
  const guess = (email: string, text = 'wrong password') =>
    api('/api/auth/signin', { body: { email, password: text } });

  it.each(['known', 'unknown'])('is exact for an account that is %s, and alike', async (kind) => {
    const email = kind === 'known' ? (await signUp()).email : `${unique('nobody')}@example.com`;
    const answers = await Promise.all(Array.from({ length: PASSWORDS.limit + 5 }, () => guess(email)));
    const count = (status: number) => answers.filter((answer) => answer.status === status).length;
    expect(count(401)).toBe(PASSWORDS.limit);
    expect(count(429)).toBe(5);
    const limited = answers.find((answer) => answer.status === 429);
    expect(Problem.parse(limited?.body).code).toBe('rate_limited');
    expect(Number(limited?.headers.get('retry-after'))).toBeGreaterThan(800);
  });

  it('holds against the right password too, and for one account alone', async () => {
    const [account, other] = [await signUp(), await signUp()];
    for (let i = 0; i < PASSWORDS.limit; i++) await guess(account.email);
    expect((await guess(account.email.toUpperCase(), account.password)).status).toBe(429);
    expect((await guess(other.email, other.password)).status).toBe(200);
  });

  it('begins anew after a success', async () => {
    const account = await signUp();
    for (let i = 0; i < PASSWORDS.limit - 1; i++) await guess(account.email);
    expect((await guess(account.email, account.password)).status).toBe(200);
    expect((await guess(account.email)).status).toBe(401);
    expect((await guess(account.email, account.password)).status).toBe(200);
  });

  it('ends with its window, which failures do not prolong', async () => {
    const db = database(env);
    const account = unique('account');
    const start = 1_800_000_000_000;
    const attempt = async (at: number) => {
      try {
        await countAttempt(db, account, at);
        return 'counted';
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        return error.extra.retryAfter;
      }
    };
    for (let i = 0; i < PASSWORDS.limit; i++) expect(await attempt(start + i)).toBe('counted');
    expect(await attempt(start + 60_000)).toBe(14 * 60);
    expect(await attempt(start + PASSWORDS.seconds * 1000 - 1)).toBe(1);
    expect(await attempt(start + PASSWORDS.seconds * 1000)).toBe('counted');
  });
});
