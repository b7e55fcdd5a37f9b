import { env } from 'cloudflare:workers';
import { base64url, SignJWT, UnsecuredJWT } from 'jose';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { configOf } from '../../src/config.ts';
import { LIMITS } from '../../src/protocol/limits.ts';
import { type Account, api, request, signIn, signUp, unique } from '../support/api.ts';
import { Contract } from '../support/contract.ts';
import { eventually } from '../support/objects.ts';
import { openSocket } from '../support/socket.ts';
import { fill } from './fixture.ts';
import { POLICIES, SOCKETS, STREAMS } from './policies.ts';

/* Attacks at the door, each named by what it stops. */

const contract = await Contract.load();
let ada: Account;
let ben: Account;
let chat: string;

beforeAll(async () => {
  [ada, ben] = [await signUp(), await signUp()];
  const body = { type: 'Group', name: 'Door', members: [ben.id] };
  chat = (await api<{ id: string }>('/api/chats', { token: ada.token, body })).body.id;
});

const claimsOf = (token: string): Record<string, unknown> =>
  JSON.parse(new TextDecoder().decode(base64url.decode(token.split('.')[1] ?? ''))) as Record<string, unknown>;
const headerOf = (token: string): Record<string, unknown> =>
  JSON.parse(new TextDecoder().decode(base64url.decode(token.split('.')[0] ?? ''))) as Record<string, unknown>;
const encode = (value: unknown): string => base64url.encode(JSON.stringify(value));

describe('a forged token opens nothing', () => {
  const forgeries: Record<string, () => Promise<string> | string> = {
    'alg none': () => new UnsecuredJWT(claimsOf(ada.token)).encode(),
    'alg none with the typ and kid of a real one': () =>
      `${encode({ ...headerOf(ada.token), alg: 'none' })}.${ada.token.split('.')[1]}.`,
    'HMAC with the public key as its secret': () => {
      const [key] = configOf(env).signingKeys;
      const header = { ...headerOf(ada.token), alg: 'HS256' };
      return new SignJWT(claimsOf(ada.token)).setProtectedHeader(header).sign(new TextEncoder().encode(key.x));
    },
    'another key under the kid of ours': async () => {
      const { privateKey } = (await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])) as CryptoKeyPair;
      const header = { ...headerOf(ada.token), alg: 'EdDSA' };
      return new SignJWT(claimsOf(ada.token)).setProtectedHeader(header).sign(privateKey);
    },
    'a key that the token brings along': async () => {
      const pair = (await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])) as CryptoKeyPair;
      const jwk = (await crypto.subtle.exportKey('jwk', pair.publicKey)) as JsonWebKey;
      const header = { ...headerOf(ada.token), alg: 'EdDSA', jwk: { kty: 'OKP', crv: 'Ed25519', x: jwk.x ?? '' } };
      return new SignJWT(claimsOf(ada.token)).setProtectedHeader(header).sign(pair.privateKey);
    },
    'another user in the claims': () => {
      const [header, , signature] = ada.token.split('.');
      return `${header}.${encode({ ...claimsOf(ada.token), sub: ben.id })}.${signature}`;
    },
    'a later end in the claims': () => {
      const [header, , signature] = ada.token.split('.');
      return `${header}.${encode({ ...claimsOf(ada.token), exp: 4_000_000_000 })}.${signature}`;
    },
    'a kid that is a path': () =>
      `${encode({ ...headerOf(ada.token), kid: '../../dev/null' })}.${ada.token.split('.').slice(1).join('.')}`,
    'a kid of Object’s own': () =>
      `${encode({ ...headerOf(ada.token), kid: '__proto__' })}.${ada.token.split('.').slice(1).join('.')}`,
    'an unknown critical extension': () =>
      `${encode({ ...headerOf(ada.token), crit: ['exp2'], exp2: 1 })}.${ada.token.split('.').slice(1).join('.')}`,
    'a signature of zeros': () => `${ada.token.split('.').slice(0, 2).join('.')}.${'A'.repeat(86)}`,
    'no signature': () => `${ada.token.split('.').slice(0, 2).join('.')}.`,
    'a refresh token': () => ada.refresh_token,
    'the admin token': () => env.ADMIN_TOKEN,
    'two tokens in one': () => `${ada.token}.${ada.token}`,
  };

  it.each(Object.entries(forgeries))('%s', async (_, forge) => {
    const token = await forge();
    expect((await api('/api/users/me', { token })).status).toBe(401);
    expect(await (await openSocket('/api/ws', token)).closed).toEqual({ code: 4401, reason: 'unauthenticated' });
    const room = await openSocket(`/api/chats/${chat}/ws`, token);
    expect(await room.closed).toEqual({ code: 4401, reason: 'unauthenticated' });
  });

  it('nor does it prolong a socket that is open', async () => {
    const socket = await openSocket('/api/ws', ada.token);
    await socket.next('inbox');
    for (const forge of Object.values(forgeries)) {
      socket.send({ t: 'auth', token: await forge() });
      expect((await socket.next('error')).code).toBe('unauthenticated');
    }
    socket.send({ t: 'auth', token: ben.token });
    expect((await socket.next('error')).code).toBe('unauthenticated');
  });
});

it.each(['token', 'access_token', 'TOKEN', 'Access_Token'])(
  'a token in the address of a socket (%s) is refused',
  async (name) => {
    for (const path of ['/api/ws', `/api/chats/${chat}/ws`]) {
      const socket = await openSocket(`${path}?${name}=${ada.token}`);
      expect((await socket.closed).code).toBe(4400);
    }
  },
);

describe('what may be used once', () => {
  it('a refresh token shown by many at once is taken once, and its session ends', async () => {
    const { refresh_token } = await signIn(ada);
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => api('/api/auth/refresh', { body: { refresh_token } })),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    const [taken] = answers.filter(({ status }) => status === 200);
    const { token } = Object(taken?.body) as { token: string };
    expect((await api('/api/users/me', { token })).status).toBe(401);
  });

  it('an address that many sign up with at once has one account', async () => {
    const body = { fullname: 'Ada', email: `${unique('race')}@example.com`, password: 'correct horse battery' };
    const answers = await Promise.all(Array.from({ length: 5 }, () => api('/api/auth/signup', { body })));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409]);
  });

  it('a handle that many take at once belongs to one', async () => {
    const handle = unique('race').slice(0, 20);
    const people = await Promise.all([signUp(), signUp(), signUp()]);
    const answers = await Promise.all(
      people.map(({ token }) => api('/api/users/me', { method: 'PUT', token, body: { handle } })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
  });

  it('a client_id that is sent many times at once is one message', async () => {
    const body = { client_id: unique('once'), content: 'only once' };
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => api<{ seq: number }>(`/api/chats/${chat}/messages`, { token: ada.token, body })),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(new Set(answers.map((answer) => answer.body.seq)).size).toBe(1);
  });
});

describe('what a body may not say', () => {
  const extra = {
    id: 'usr_01kahq0z9pm3v1x8e6t4w2y7rd',
    sender_id: 'usr_01kahq0z9pm3v1x8e6t4w2y7rd',
    actor_id: 'usr_01kahq0z9pm3v1x8e6t4w2y7rd',
    user_id: 'usr_01kahq0z9pm3v1x8e6t4w2y7rd',
    created_by: 'usr_01kahq0z9pm3v1x8e6t4w2y7rd',
    owner_id: 'usr_01kahq0z9pm3v1x8e6t4w2y7rd',
    seq: 1,
    ordinal: 1,
    epoch: 'mine',
    created_at: '2000-01-01T00:00:00.000Z',
    role: 'owner',
    status: 'Active',
    generation: 1,
    read_seq: 1,
    duplicate: true,
  };
  const bodies: [string, string, Record<string, unknown>][] = [
    ['POST', '/api/auth/signup', { fullname: 'A', email: 'mass@example.com', password: 'correct horse battery' }],
    ['PUT', '/api/users/me', { fullname: 'A' }],
    ['POST', '/api/chats', { type: 'Group', name: 'A', members: [] }],
    ['POST', 'CHAT/messages', { content: 'A' }],
    ['POST', '/api/workspaces', { name: 'A' }],
  ];
  it.each(bodies)('%s %s takes no field that is the server’s', async (method, path, body) => {
    for (const [name, value] of Object.entries(extra)) {
      const at = path.replace('CHAT', `/api/chats/${chat}`);
      const answer = await api<{ code: string; detail: string }>(at, {
        method,
        token: ada.token,
        body: { ...body, [name]: value },
      });
      expect([name, answer.status, answer.body.code]).toEqual([name, 422, 'invalid']);
      expect(answer.body.detail).toContain(name);
    }
  });

  it('no body of any operation is open to a field that it does not name', () => {
    const open = new Set<string>();
    const look = (schema: unknown, at: string, within: readonly string[]): void => {
      if (typeof schema !== 'object' || schema === null) return;
      const { $ref, properties, additionalProperties, items, anyOf, oneOf, allOf } = schema as Record<string, unknown>;
      if (typeof $ref === 'string') {
        if (!within.includes($ref)) look(contract.schema($ref), at, [...within, $ref]);
        return;
      }
      if (properties !== undefined && additionalProperties !== false) open.add(at);
      for (const [name, inner] of Object.entries(properties ?? {})) look(inner, `${at}.${name}`, within);
      for (const inner of [additionalProperties, items]) look(inner, `${at}[]`, within);
      for (const union of [anyOf, oneOf, allOf])
        if (Array.isArray(union)) for (const one of union) look(one, at, within);
    };
    let looked = 0;
    for (const { operationId, requestBody } of contract.operations.values()) {
      const schema = requestBody?.content['application/json']?.schema;
      if (schema === undefined) continue;
      looked += 1;
      look(schema, operationId, []);
    }
    expect(looked).toBeGreaterThan(40);
    // Its keys are an enumeration, which the document cannot say of an object; the next test says that it holds.
    expect([...open]).toEqual(['updateChat.overrides']);
  });

  it('nor is the one that the document cannot say it of', async () => {
    const body = { overrides: { everything: 'member' } };
    expect((await api(`/api/chats/${chat}`, { method: 'PUT', token: ada.token, body })).status).toBe(422);
  });

  it('nor does a frame', async () => {
    const socket = await openSocket(`/api/chats/${chat}/ws`, ada.token);
    await socket.next('events');
    for (const [name, value] of Object.entries(extra)) {
      socket.send({ t: 'send', chat_id: chat, client_id: unique('mass'), content: 'A', [name]: value });
      expect((await socket.next('error')).code).toBe('invalid');
    }
    socket.close();
  });
});

describe('receipts', () => {
  it('are never beyond the head, nor for anybody else', async () => {
    const socket = await openSocket(`/api/chats/${chat}/ws`, ben.token);
    const { head_seq } = await socket.next('events');
    socket.send({ t: 'read', chat_id: chat, seq: Number.MAX_SAFE_INTEGER });
    const receipt = await socket.next('receipt', ({ user_id }) => user_id === ben.id);
    expect(receipt).toMatchObject({ read_seq: head_seq, delivered_seq: head_seq });
    socket.send({ t: 'read', chat_id: chat, seq: 1, user_id: ada.id });
    expect((await socket.next('error')).code).toBe('invalid');
    socket.close();
  });
});

it('signing in says nothing about who has an account', async () => {
  const password = 'not the password';
  const [known, unknown] = [
    await request('/api/auth/signin', { body: { email: ada.email, password } }),
    await request('/api/auth/signin', { body: { email: `${unique('nobody')}@example.com`, password } }),
  ];
  const told = async (response: Response) => {
    const { request_id: _, ...rest } = (await response.json()) as Record<string, unknown>;
    return { status: response.status, rest, headers: [...response.headers.keys()].sort() };
  };
  expect(await told(known)).toEqual(await told(unknown));
});

describe('a session that has ended', () => {
  it('has no socket left, in no room and on no inbox, and hears nothing more', async () => {
    const session = await signIn(ben);
    const sockets = [
      await openSocket('/api/ws', session.token),
      await openSocket(`/api/chats/${chat}/ws`, session.token),
    ];
    await sockets[0]?.next('inbox');
    await sockets[1]?.next('events');
    expect((await api('/api/auth/signout', { method: 'POST', token: session.token })).status).toBe(204);
    await api(`/api/chats/${chat}/messages`, { token: ada.token, body: { content: 'after the end' } });
    for (const socket of sockets) {
      expect(await socket.closed).toEqual({ code: 4401, reason: 'session_ended' });
      expect(socket.texts.join()).not.toContain('after the end');
    }
    expect((await api('/api/chats', { token: session.token })).status).toBe(401);
    expect(await (await openSocket('/api/ws', session.token)).closed).toMatchObject({ code: 4401 });
  });

  it('has no stream of events left', async () => {
    const session = await signIn(ben);
    const stream = await request('/api/notifications/events', { token: session.token });
    const reader = stream.body?.getReader();
    await reader?.read();
    await api('/api/auth/signout', { method: 'POST', token: session.token });
    let done = false;
    void (async () => {
      while (!done) done = (await reader?.read())?.done ?? true;
    })();
    await eventually('the stream ends', () => done, 10_000);
  });
});

describe('paths and headers', () => {
  it.each([
    '/api/chats/..%2f..%2fadmin',
    '/api/chats/%2e%2e/%2e%2e/healthz',
    '/api//chats',
    '/api/chats/%00',
    '/api/chats/a%0d%0aSet-Cookie:%20evil=1',
    '/api/chats/%C0%AE%C0%AE',
    '/api/users/me%20',
    '/API/CHATS',
    '/api/chats;admin=1',
    '/api/chats/%F0%9F%8C%8A',
  ])('%s is no way in', async (path) => {
    const response = await request(path, { token: ada.token });
    expect([200, 404, 405]).toContain(response.status);
    expect(response.headers.get('set-cookie')).toBeNull();
    if (response.status === 200) expect(path).toContain('healthz');
  });

  it('a claimed identity in a header is not believed', async () => {
    const forged = JSON.stringify({ user_id: ada.id, session_id: 'x', issued_at: 0, expires_at: 9e15 });
    const headers = { 'x-tideline-identity': forged, 'x-tideline-relay': 'any-1', 'x-request-id': 'evil' };
    expect((await api('/api/users/me', { headers })).status).toBe(401);
    const answer = await api('/healthz', { headers });
    expect(answer.headers.get('x-request-id')).not.toBe('evil');
  });

  it('a name cannot carry line breaks or control characters', async () => {
    for (const fullname of ['a\r\nSet-Cookie: x', 'a\u0000b', 'a\u001bb', '\u0085']) {
      const answer = await api('/api/users/me', { method: 'PUT', token: ada.token, body: { fullname } });
      expect([fullname, answer.status]).toEqual([fullname, 422]);
    }
  });
});

describe('what is far too large', () => {
  it('in a frame is refused, and the socket lives', async () => {
    const socket = await openSocket(`/api/chats/${chat}/ws`, ada.token);
    await socket.next('events');
    for (const text of [
      'x'.repeat(2 ** 20 + 1),
      '🌊'.repeat(LIMITS.frameBytes / 4 + 1),
      `"${'\\u0000'.repeat(200_000)}"`,
    ]) {
      socket.send(text);
      expect((await socket.next('error')).code).toBe('too_large');
    }
    socket.send(
      JSON.stringify(Array.from({ length: LIMITS.framesPerMessage + 1 }, () => ({ t: 'typing', chat_id: chat }))),
    );
    expect((await socket.next('error')).code).toBe('too_large');
    socket.send('ping');
    await socket.nextText('pong');
    socket.close();
  });

  it('in a frame that is very deep is refused, and the socket lives', async () => {
    const socket = await openSocket(`/api/chats/${chat}/ws`, ada.token);
    await socket.next('events');
    socket.send(`${'['.repeat(32_000)}${']'.repeat(32_000)}`);
    socket.send(`${'{"t":'.repeat(10_000)}1${'}'.repeat(10_000)}`);
    await socket.next('error');
    await socket.next('error');
    socket.send('ping');
    await socket.nextText('pong');
    socket.close();
  });
});

it('bytes that are no UTF-8 are refused, not altered', async () => {
  const text = new TextEncoder().encode('{"content":"a?b"}');
  text[13] = 0xff;
  const response = await request(`/api/chats/${chat}/messages`, {
    token: ada.token,
    raw: text,
    headers: { 'content-type': 'application/json' },
  });
  expect(response.status).toBe(400);
  const socket = await openSocket(`/api/chats/${chat}/ws`, ada.token);
  await socket.next('events');
  // So it arrives when the bytes were none.
  socket.send(`{"t":"send","chat_id":"${chat}","client_id":"${unique('utf')}","content":"a\ufffdb"}`);
  expect((await socket.next('error')).code).toBe('malformed');
  socket.send(`{"t":"send","chat_id":"${chat}","client_id":"${unique('utf')}","content":"a\\ufffdb"}`);
  await socket.next('ack');
  socket.close();
});

describe('answers', () => {
  it('of the API are not stored, not sniffed, and open to no frame', async () => {
    for (const { path, method, operationId } of contract.operations.values()) {
      if (SOCKETS.includes(operationId)) continue;
      const response = await request(fill(path, { id: chat }), { method });
      await response.body?.cancel();
      expect([path, response.headers.get('x-content-type-options')]).toEqual([path, 'nosniff']);
      expect(response.headers.get('x-request-id')).toMatch(/^req_/);
      expect(response.headers.get('server')).toBeNull();
      if (path.startsWith('/api/')) expect(response.headers.get('cache-control')).toBe('no-store');
    }
  });

  it('of the page of the documentation run no script but its own', async () => {
    const policy = (await request('/docs')).headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe-eval');
    expect(policy).toMatch(/frame-ancestors 'none'/);
  });
});

it('nothing that was confided stands in the log, whatever goes wrong', async () => {
  const lines: string[] = [];
  for (const level of ['log', 'info', 'warn', 'error', 'debug'] as const) {
    vi.spyOn(console, level).mockImplementation((...parts: unknown[]) => {
      lines.push(parts.map(String).join(' '));
    });
  }
  const canary = unique('canary');
  const password = `${canary} password`;
  const email = `${canary}@example.com`;
  const account = await signUp({ email, password, fullname: canary });
  await api('/api/auth/signin', { body: { email, password: `${canary} wrong` } });
  await api('/api/auth/refresh', { body: { refresh_token: canary } });
  for (const operation of contract.operations.values()) {
    const { operationId, method, path, parameters } = operation;
    if ([...SOCKETS, ...STREAMS].includes(operationId) || method === 'DELETE' || path.includes('signout')) continue;
    const body = operation.requestBody === undefined ? {} : { body: { content: canary, code: canary, canary } };
    const query = parameters.some(({ name }) => name === 'cursor') ? `?cursor=${canary}` : '';
    const response = await request(`${fill(path, { id: chat })}${query}`, {
      method,
      token: POLICIES[operationId] === 'operator' ? env.ADMIN_TOKEN : account.token,
      ...body,
    });
    await response.body?.cancel();
  }
  // What came to an object, and what an object was asked to keep.
  const own = { token: account.token, body: { type: 'Group', name: canary, members: [] } };
  const { body: group } = await api<{ id: string }>('/api/chats', own);
  await api(`/api/chats/${group.id}/messages`, { token: account.token, body: { content: canary, client_id: canary } });
  const invitation = { token: account.token, body: {} };
  const { body: invited } = await api<{ code: string }>(`/api/chats/${group.id}/invitations`, invitation);
  const socket = await openSocket(`/api/chats/${group.id}/ws?after=0`, account.token);
  await socket.next('events');
  socket.send({ t: 'send', chat_id: group.id, client_id: 'x', content: canary, [canary]: 1 });
  await socket.next('error');
  socket.close();
  const broken = new Proxy(env.DB, {
    get(target, property) {
      if (property === 'prepare' || property === 'batch') throw new Error('the disk is gone');
      return Reflect.get(target, property, target);
    },
  });
  const { default: worker } = await import('../../src/worker.ts');
  await worker.fetch(
    new Request(`${env.PUBLIC_URL}/api/auth/signin?secret=${canary}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${account.token}` },
      body: JSON.stringify({ email, password }),
    }),
    { ...env, DB: broken },
  );
  vi.restoreAllMocks();
  const text = lines.join('\n');
  expect(text).toContain('the disk is gone');
  for (const secret of [canary, account.token, account.refresh_token, env.ADMIN_TOKEN, invited.code])
    expect(text).not.toContain(secret);
});
