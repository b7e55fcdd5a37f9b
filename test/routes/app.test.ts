import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { Problem } from '../../src/protocol/errors.ts';
import worker from '../../src/worker.ts';
import { type Account, api, ORIGIN, request, signUp } from '../support/api.ts';
import { Contract } from '../support/contract.ts';

let account: Account;
beforeAll(async () => {
  account = await signUp();
});
afterEach(() => {
  vi.restoreAllMocks();
});

describe('every answer', () => {
  it.each(['/api/users/me', '/api/nothing', '/healthz', '/openapi.json', '/docs', '/nothing'])(
    'of %s has a request id of its own and is not sniffed',
    async (path) => {
      const [first, second] = [await request(path), await request(path)];
      expect(first.headers.get('x-request-id')).toMatch(/^req_[0-9a-z]{26}$/);
      expect(first.headers.get('x-request-id')).not.toBe(second.headers.get('x-request-id'));
      expect(first.headers.get('x-content-type-options')).toBe('nosniff');
    },
  );

  it('of the API is not stored', async () => {
    for (const token of [account.token, 'nonsense']) {
      const response = await request('/api/users/me', { token });
      expect(response.headers.get('cache-control')).toBe('no-store');
    }
  });
});

describe('addresses', () => {
  it('that nobody knows are not found', async () => {
    for (const path of ['/api', '/api/', '/api/nothing', '/api/chats/x/y/z', '/nothing']) {
      const { status, headers, body } = await api(path, { token: account.token });
      expect([path, status, Problem.parse(body).code]).toEqual([path, 404, 'not_found']);
      expect(headers.get('content-type')).toBe('application/problem+json');
    }
  });

  it('that are known with another method say so', async () => {
    const { status, headers, body } = await api('/api/users/me', { method: 'DELETE', token: account.token });
    expect([status, Problem.parse(body).code]).toEqual([405, 'method_not_allowed']);
    expect(headers.get('allow')?.split(', ').sort()).toEqual(['GET', 'PUT']);
    const chats = await api('/api/chats', { method: 'PATCH', token: account.token });
    expect([chats.status, chats.headers.get('allow')?.split(', ').sort()]).toEqual([405, ['GET', 'POST']]);
  });
});

describe('pages of other origins', () => {
  const origin = 'https://app.example.com';

  it('are answered before the request proper', async () => {
    const { status, headers } = await api('/api/chats', {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
    });
    expect(status).toBe(204);
    expect(headers.get('access-control-allow-origin')).toBe(origin);
    expect(headers.get('access-control-allow-methods')).toContain('POST');
    expect(headers.get('access-control-allow-headers')?.toLowerCase()).toContain('authorization');
    expect(headers.get('access-control-allow-credentials')).toBeNull();
  });

  it('may use every method that the document knows', async () => {
    const { operations } = await Contract.load();
    const headers = { origin, 'access-control-request-method': 'PATCH' };
    const answer = await api('/api/chats', { method: 'OPTIONS', headers });
    const allowed = answer.headers.get('access-control-allow-methods')?.split(',') ?? [];
    const used = new Set([...operations.values()].map(({ method }) => method));
    expect([...used].filter((method) => !allowed.includes(method))).toEqual([]);
  });

  it('can read answers and refusals, with the headers that matter', async () => {
    for (const path of ['/api/users/me', '/api/nothing']) {
      const { headers } = await api(path, { headers: { origin } });
      expect(headers.get('access-control-allow-origin')).toBe(origin);
      expect(headers.get('access-control-expose-headers')).toContain('Retry-After');
    }
  });
});

describe('a fault', () => {
  it('is told without what it was, and noted in one line without secrets', async () => {
    const lines = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const broken = new Proxy(env.DB, {
      get(target, property) {
        if (property === 'prepare') throw new Error('the disk is gone');
        return Reflect.get(target, property, target);
      },
    });
    const response = await worker.fetch(
      new Request(new URL('/api/auth/signin?x=1', ORIGIN), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ email: account.email, password: account.password }),
      }),
      { ...env, DB: broken },
    );
    const text = await response.text();
    const problem = Problem.parse(JSON.parse(text));
    expect([response.status, problem.code]).toEqual([500, 'internal']);
    expect(text).not.toContain('disk');
    expect(lines).toHaveBeenCalledTimes(1);
    const line = String(lines.mock.calls[0]?.[0]);
    expect(line.split('\n')).toHaveLength(1);
    expect(JSON.parse(line)).toMatchObject({ request_id: problem.request_id, path: '/api/auth/signin' });
    expect(line).toContain('the disk is gone');
    for (const secret of [account.email, account.password]) expect(line).not.toContain(secret);
  });

  it('in a query is noted without the values of the query', async () => {
    const lines = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    await env.DB.prepare('ALTER TABLE auth_attempts RENAME TO auth_attempts_gone').run();
    try {
      const response = await request('/api/auth/signin', {
        body: { email: account.email, password: account.password },
      });
      expect(response.status).toBe(500);
    } finally {
      await env.DB.prepare('ALTER TABLE auth_attempts_gone RENAME TO auth_attempts').run();
    }
    const line = String(lines.mock.calls[0]?.[0]);
    expect(line).toContain('no such table: auth_attempts');
    expect(line).not.toContain('params');
  });
});

describe('health', () => {
  it('is told with the version', async () => {
    const { status, body } = await api('/healthz');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      status: 'ok',
      environment: 'local',
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    });
  });

  it('is gone when D1 does not answer', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const ask = (DB: D1Database) => worker.fetch(new Request(new URL('/healthz', ORIGIN)), { ...env, DB });
    const broken = (prepare: () => unknown) =>
      new Proxy(env.DB, {
        get: (target, property) => (property === 'prepare' ? prepare : Reflect.get(target, property, target)),
      });
    const failing = await ask(
      broken(() => {
        throw new Error('the disk is gone');
      }),
    );
    expect(failing.status).toBe(503);
    const silent = await ask(broken(() => ({ run: () => new Promise(() => undefined) })));
    expect(silent.status).toBe(503);
    expect(await silent.json()).toMatchObject({ status: 'unavailable' });
  });
});

describe('the page that shows the document', () => {
  it('runs nothing but its own scripts', async () => {
    const response = await request('/docs');
    const policy = response.headers.get('content-security-policy') ?? '';
    const html = await response.text();
    expect(response.headers.get('content-type')).toMatch(/^text\/html/);
    expect(policy).toContain("default-src 'none'");
    const nonce = /'nonce-([^']+)'/.exec(policy)?.[1];
    expect(html).toContain(`<script nonce="${nonce}">`);
    expect(policy).not.toMatch(/script-src[^;]*unsafe/);
    expect(html).not.toMatch(/https?:\/\//);
    expect((await (await request('/docs')).text()).includes(nonce ?? 'none')).toBe(false);
  });
});

describe('the public keys', () => {
  it('are public', async () => {
    const response = await request('/.well-known/jwks.json');
    const { keys } = (await response.json()) as { keys: Record<string, string>[] };
    expect(keys).toHaveLength(2);
    for (const key of keys) expect(Object.keys(key).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x']);
    expect(response.headers.get('cache-control')).toContain('max-age');
  });
});
