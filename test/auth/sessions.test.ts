import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import * as accounts from '../../src/auth/accounts.ts';
import { REPLAY_MS, refresh } from '../../src/auth/sessions.ts';
import { configOf } from '../../src/config.ts';
import { ApiError } from '../../src/errors.ts';
import type { Problem } from '../../src/protocol/errors.ts';
import { Tokens } from '../../src/protocol/users.ts';
import { type Account, api, expectJson, signIn, signUp } from '../support/api.ts';
import { beforeBatch } from '../support/interpose.ts';
import { openSocket } from '../support/socket.ts';

const config = configOf(env);
const attemptName = () => crypto.randomUUID().replaceAll('-', '');
const refreshed = (refresh_token: string, attempt?: string) =>
  api<Tokens & Problem>('/api/auth/refresh', { body: { refresh_token, ...(attempt ? { attempt } : {}) } });
const codeAt = async (token: string, path = '/api/users/me') => (await api<Problem>(path, { token })).body.code ?? 'ok';
const sessions = (token: string) =>
  api<{ items: { id: string; device: string | null; current: boolean }[]; next_cursor: string | null }>(
    '/api/auth/sessions',
    { token },
  );
/** Refreshes at another time; answers with the tokens or the code of the refusal. */
const refreshAt = async (now: number, refresh_token: string, attempt?: string) => {
  try {
    return await refresh(env, config, { refresh_token, attempt }, now);
  } catch (error) {
    if (error instanceof ApiError) return error.code;
    throw error;
  }
};

const setStatus = (id: string, status: string) =>
  api(`/api/admin/users/${id}/status`, { method: 'PUT', token: env.ADMIN_TOKEN, body: { status } });

describe('refresh', () => {
  it('gives new tokens of the same session, again and again', async () => {
    const account = await signUp();
    let { refresh_token } = account;
    for (let round = 0; round < 3; round++) {
      const next = await expectJson(Tokens, 200, '/api/auth/refresh', { body: { refresh_token } });
      expect(next.refresh_token).not.toBe(refresh_token);
      expect(next.user.id).toBe(account.id);
      expect(await codeAt(next.token)).toBe('ok');
      refresh_token = next.refresh_token;
    }
    expect((await sessions(account.token)).body.items).toHaveLength(1);
  });

  it('ends the session when an old token is shown, and closes its sockets', async () => {
    const account = await signUp();
    const other = await signIn(account);
    const socket = await openSocket('/api/ws', account.token);
    await socket.next('inbox');
    const second = await refreshed(account.refresh_token);
    const reuse = await refreshed(account.refresh_token);
    expect([reuse.status, reuse.body.code]).toEqual([401, 'session_ended']);
    expect(await socket.closed).toEqual({ code: 4401, reason: 'session_ended' });
    expect((await refreshed(second.body.refresh_token)).body.code).toBe('session_ended');
    expect(await codeAt(second.body.token)).toBe('session_ended');
    expect(await codeAt(account.token)).toBe('session_ended');
    expect(await codeAt(other.token)).toBe('ok');
  });

  it('finds reuse of a token that is several generations old', async () => {
    const account = await signUp();
    let tokens: Tokens = account;
    for (let round = 0; round < 3; round++) tokens = (await refreshed(tokens.refresh_token)).body;
    expect((await refreshed(account.refresh_token)).body.code).toBe('session_ended');
    expect((await refreshed(tokens.refresh_token)).body.code).toBe('session_ended');
  });

  it.each([2, 5, 20])('%i at once never leave two live families', async (count) => {
    const account = await signUp();
    const answers = await Promise.all(Array.from({ length: count }, () => refreshed(account.refresh_token)));
    const winners = answers.filter((answer) => answer.status === 200);
    expect(winners).toHaveLength(1);
    expect(answers.filter((answer) => answer.body.code === 'session_ended')).toHaveLength(count - 1);
    // The losers showed a token that was used: for all that the server knows it was stolen.
    expect((await refreshed(winners[0]?.body.refresh_token ?? '')).body.code).toBe('session_ended');
  });

  it('many at once of the same attempt are one refresh', async () => {
    const account = await signUp();
    const attempt = attemptName();
    const answers = await Promise.all(Array.from({ length: 10 }, () => refreshed(account.refresh_token, attempt)));
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([200]));
    expect(new Set(answers.map((answer) => answer.body.refresh_token)).size).toBe(1);
    expect(new Set(answers.map((answer) => answer.body.token)).size).toBe(1);
    expect((await refreshed(answers[0]?.body.refresh_token ?? '', attemptName())).status).toBe(200);
  });

  it('an attempt gets its lost answer again within a minute, the same to the byte, and not later', async () => {
    const account = await signUp();
    const now = Date.now();
    const attempt = attemptName();
    const first = await refreshAt(now, account.refresh_token, attempt);
    expect(await refreshAt(now + REPLAY_MS, account.refresh_token, attempt)).toEqual(first);
    expect(await refreshAt(now + REPLAY_MS + 1, account.refresh_token, attempt)).toBe('session_ended');
  });

  it.each([
    ['another attempt', attemptName()],
    ['no attempt', undefined],
  ])('ends the session when the old token comes back with %s', async (_what, attempt) => {
    const account = await signUp();
    const first = await refreshed(account.refresh_token, attemptName());
    expect((await refreshed(account.refresh_token, attempt)).body.code).toBe('session_ended');
    expect((await refreshed(first.body.refresh_token)).body.code).toBe('session_ended');
  });

  it('ends the session when an attempt is repeated after its answer was used', async () => {
    const account = await signUp();
    const attempt = attemptName();
    const first = await refreshed(account.refresh_token, attempt);
    expect((await refreshed(first.body.refresh_token, attemptName())).status).toBe(200);
    expect((await refreshed(account.refresh_token, attempt)).body.code).toBe('session_ended');
  });

  it('lives for thirty days from the last refresh', async () => {
    const day = 24 * 60 * 60 * 1000;
    const account = await signUp();
    const now = Date.now();
    const later = await refreshAt(now + 29 * day, account.refresh_token);
    if (typeof later === 'string') throw new Error(later);
    const latest = await refreshAt(now + 58 * day, later.refresh_token);
    if (typeof latest === 'string') throw new Error(latest);
    expect(await refreshAt(now + 89 * day, latest.refresh_token)).toBe('session_ended');
  });
});

describe('ending sessions', () => {
  it('sign-out ends this session on every path, and no other', async () => {
    const account = await signUp();
    const other = await signIn(account);
    const [mine, theirs] = [await openSocket('/api/ws', account.token), await openSocket('/api/ws', other.token)];
    await mine.next('inbox');
    await theirs.next('inbox');
    expect((await api('/api/auth/signout', { method: 'POST', token: account.token })).status).toBe(204);
    expect(await mine.closed).toEqual({ code: 4401, reason: 'session_ended' });
    expect(await codeAt(account.token)).toBe('session_ended');
    expect((await refreshed(account.refresh_token)).body.code).toBe('session_ended');
    expect(await (await openSocket('/api/ws', account.token)).closed).toEqual({ code: 4401, reason: 'session_ended' });
    expect(await codeAt(other.token)).toBe('ok');
    theirs.send('ping');
    await theirs.nextText('pong');
  });

  it('lists live sessions with their device, newest first, in pages', async () => {
    const account = await signUp({ device: 'Laptop' });
    await signIn(account, 'Phone');
    const tablet = await signIn(account, 'Tablet');
    const { body } = await sessions(tablet.token);
    expect(body.items.map(({ device, current }) => [device, current])).toEqual([
      ['Tablet', true],
      ['Phone', false],
      ['Laptop', false],
    ]);
    const first = await api<typeof body>('/api/auth/sessions?limit=2', { token: tablet.token });
    expect(first.body.items).toEqual(body.items.slice(0, 2));
    const rest = await api<typeof body>(`/api/auth/sessions?limit=2&cursor=${first.body.next_cursor}`, {
      token: tablet.token,
    });
    expect(rest.body).toEqual({ items: body.items.slice(2), next_cursor: null });
  });

  it('ends one named session, in the list and on its sockets, also in a room', async () => {
    const account = await signUp();
    const phone = await signIn(account, 'Phone');
    const chat = await api<{ id: string }>('/api/chats', { token: account.token, body: { type: 'Group', name: 'G' } });
    const socket = await openSocket(`/api/chats/${chat.body.id}/ws`, phone.token);
    await socket.next('events');
    const { body } = await sessions(account.token);
    const id = body.items.find((session) => session.device === 'Phone')?.id;
    expect((await api(`/api/auth/sessions/${id}`, { method: 'DELETE', token: account.token })).status).toBe(204);
    expect(await socket.closed).toEqual({ code: 4401, reason: 'session_ended' });
    expect((await sessions(account.token)).body.items.map((session) => session.device)).toEqual([null]);
  });

  it('ends all sessions, this one included', async () => {
    const account = await signUp();
    const other = await signIn(account);
    expect((await api('/api/auth/sessions', { method: 'DELETE', token: account.token })).status).toBe(204);
    expect(await codeAt(account.token)).toBe('session_ended');
    expect(await codeAt(other.token)).toBe('session_ended');
    expect(await codeAt((await signIn(account)).token)).toBe('ok');
  });
});

describe('change of password', () => {
  const change = (account: Account, new_password: string, current_password = account.password) =>
    api<Problem | null>('/api/auth/password', { token: account.token, body: { current_password, new_password } });

  it('takes the new password from now on, and ends the other sessions', async () => {
    const account = await signUp();
    const other = await signIn(account);
    const socket = await openSocket('/api/ws', other.token);
    await socket.next('inbox');
    expect((await change(account, 'a new password')).status).toBe(204);
    expect(await socket.closed).toEqual({ code: 4401, reason: 'session_ended' });
    expect(await codeAt(other.token)).toBe('session_ended');
    expect((await refreshed(other.refresh_token)).body.code).toBe('session_ended');
    expect(await codeAt(account.token)).toBe('ok');
    const signInWith = (password: string) => api('/api/auth/signin', { body: { email: account.email, password } });
    expect((await signInWith(account.password)).status).toBe(401);
    expect((await signInWith('a new password')).status).toBe(200);
  });

  it('needs the current password', async () => {
    const account = await signUp();
    const other = await signIn(account);
    const answer = await change(account, 'a new password', 'not the password');
    expect([answer.status, answer.body?.code]).toEqual([401, 'invalid_credentials']);
    expect(await codeAt(other.token)).toBe('ok');
  });

  it.each([
    ['a change of password', (account: Account) => change(account, 'a new password')],
    ['a suspension', (account: Account) => setStatus(account.id, 'Suspended')],
  ])('%s is not outrun by a sign-in that knew the password before', async (_what, meanwhile) => {
    const account = await signUp();
    const racing = beforeBatch(() => meanwhile(account));
    const attempt = accounts.signIn(racing, config, { email: account.email, password: account.password }, Date.now());
    await expect(attempt).rejects.toMatchObject({ code: 'invalid_credentials' });
    const count = env.DB.prepare('SELECT COUNT(*) AS n FROM sessions WHERE user_id = ?').bind(account.id);
    expect(await count.first('n')).toBe(1);
  });

  it('of two at once one is taken, and its session goes on', async () => {
    const [one, two] = await signUp().then(async (account) => [account, await signIn(account)] as const);
    const answers = await Promise.all([change(one, 'password one'), change(two, 'password two')]);
    expect(answers.map((answer) => answer.status).sort()).toEqual([204, 409]);
    const winner = answers[0].status === 204 ? one : two;
    const password = winner === one ? 'password one' : 'password two';
    expect(await codeAt(winner.token)).toBe('ok');
    expect((await api('/api/auth/signin', { body: { email: one.email, password } })).status).toBe(200);
  });
});

describe('suspension', () => {
  it('refuses the user on every path, open sockets included, until they are restored', async () => {
    const account = await signUp();
    const chat = await api<{ id: string }>('/api/chats', { token: account.token, body: { type: 'Group', name: 'G' } });
    const inboxSocket = await openSocket('/api/ws', account.token);
    const roomSocket = await openSocket(`/api/chats/${chat.body.id}/ws`, account.token);
    await inboxSocket.next('inbox');
    await roomSocket.next('events');

    expect((await setStatus(account.id, 'Suspended')).status).toBe(200);
    expect(await inboxSocket.closed).toEqual({ code: 4403, reason: 'suspended' });
    expect(await roomSocket.closed).toEqual({ code: 4403, reason: 'suspended' });
    expect(await codeAt(account.token)).toBe('suspended');
    expect(await (await openSocket('/api/ws', account.token)).closed).toEqual({ code: 4403, reason: 'suspended' });
    expect((await refreshed(account.refresh_token)).body.code).toBe('suspended');
    const { email, password } = account;
    expect((await api<Problem>('/api/auth/signin', { body: { email, password } })).body.code).toBe('suspended');
    const wrong = await api<Problem>('/api/auth/signin', { body: { email, password: 'not the password' } });
    expect(wrong.body.code).toBe('invalid_credentials');

    expect((await setStatus(account.id, 'Active')).status).toBe(200);
    expect(await codeAt(account.token)).toBe('ok');
    expect((await refreshed(account.refresh_token)).status).toBe(200);
  });

  it('is the operator’s alone', async () => {
    const account = await signUp();
    for (const token of [account.token, `${env.ADMIN_TOKEN}x`, env.ADMIN_TOKEN.slice(0, -1)]) {
      const answer = await api<Problem>(`/api/admin/users/${account.id}/status`, {
        method: 'PUT',
        token,
        body: { status: 'Suspended' },
      });
      expect([answer.status, answer.body.code]).toEqual([401, 'unauthenticated']);
    }
    expect(await codeAt(account.token)).toBe('ok');
  });

  it('changed back and forth at once, ends as D1 has it', async () => {
    const account = await signUp();
    await Promise.all(
      ['Suspended', 'Active', 'Suspended', 'Active', 'Suspended', 'Active'].map((status) =>
        setStatus(account.id, status),
      ),
    );
    const row = await env.DB.prepare('SELECT status FROM users WHERE id = ?').bind(account.id).first('status');
    expect(await codeAt(account.token)).toBe(row === 'Active' ? 'ok' : 'suspended');
  });
});

describe('tokens at the door', () => {
  it('says of an access token that it has ended, so that the client refreshes', async () => {
    const account = await signUp();
    const past = Date.now() - 16 * 60 * 1000;
    const tokens = await refreshAt(past, account.refresh_token);
    if (typeof tokens === 'string') throw new Error(tokens);
    const answer = await api<Problem>('/api/users/me', { token: tokens.token });
    expect([answer.status, answer.body.code]).toEqual([401, 'token_expired']);
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
  });
});
