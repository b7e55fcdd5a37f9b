import { env } from 'cloudflare:workers';
import { expect, it } from 'vitest';
import { Problem } from '../../src/protocol/errors.ts';
import { api, request, unique } from '../support/api.ts';
import { Contract } from '../support/contract.ts';

/* The deployed configuration: its limits on attempts per address. */

const contract = await Contract.load();
const LIMIT = 20;
const from = (address: string) => ({ 'cf-connecting-ip': address });
const attempt = (path: string, body: unknown, address: string) => request(path, { body, headers: from(address) });

const BODIES: [string, string, () => unknown][] = [
  ['signUp', '/api/auth/signup', () => ({ fullname: 'Ada', email: `${unique('a')}@example.com`, password: 'short' })],
  ['signIn', '/api/auth/signin', () => ({ email: `${unique('nobody')}@example.com`, password: 'a guess' })],
  ['refresh', '/api/auth/refresh', () => ({ refresh_token: 'a guess' })],
  ['changePassword', '/api/auth/password', () => ({ current_password: 'a guess', new_password: 'another password' })],
];

it('runs with the deployed configuration', () => {
  expect(env.ENVIRONMENT).toBe('production');
});

it.each(BODIES)('%s is refused to an address after twenty attempts in a minute', async (operation, path, body) => {
  const answers = await Promise.all(Array.from({ length: LIMIT + 5 }, () => attempt(path, body(), '192.0.2.1')));
  const limited = answers.filter((answer) => answer.status === 429);
  expect(limited).toHaveLength(5);
  const [first] = limited;
  if (first === undefined) throw new Error('none was limited');
  expect(first.headers.get('retry-after')).toBe('60');
  const problem = Problem.parse(await contract.check(operation, first));
  expect([problem.code, problem.retry_after]).toEqual(['rate_limited', 60]);
});

it('counts addresses apart, and the addresses of one IPv6 network together', async () => {
  const guess = (address: string) => attempt('/api/auth/refresh', { refresh_token: 'a guess' }, address);
  const many = await Promise.all(Array.from({ length: LIMIT + 1 }, (_, i) => guess(`2001:db8:1:1::${i.toString(16)}`)));
  expect(many.filter((answer) => answer.status === 429)).toHaveLength(1);
  expect((await guess('2001:db8:1:2::1')).status).toBe(401);
  expect((await guess('192.0.2.2')).status).toBe(401);
});

it('lets pages of other origins neither read answers nor open sockets', async () => {
  const elsewhere = { origin: 'https://elsewhere.example' };
  const own = { origin: env.PUBLIC_URL };
  expect((await api('/healthz', { headers: elsewhere })).headers.get('access-control-allow-origin')).toBeNull();
  expect((await api('/healthz', { headers: own })).headers.get('access-control-allow-origin')).toBe(env.PUBLIC_URL);
  const response = await request('/api/ws', { headers: { upgrade: 'websocket', ...elsewhere } });
  const closed = new Promise((resolve) => {
    response.webSocket?.addEventListener('close', ({ code, reason }) => resolve([code, reason]));
  });
  response.webSocket?.accept();
  expect(await closed).toEqual([4403, 'forbidden']);
});
