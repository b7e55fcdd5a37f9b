import { listDurableObjectIds } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, it } from 'vitest';
import { newId } from '../../src/ids.ts';
import { Problem } from '../../src/protocol/errors.ts';
import { LIMITS, RATES } from '../../src/protocol/limits.ts';
import { api, request, signUp } from '../support/api.ts';
import { Contract } from '../support/contract.ts';
import { createChat, identity, inboxOf, inboxSocket, newUser, roomOf, roomSocket } from '../support/objects.ts';
import { openSocket } from '../support/socket.ts';

/* The rates of the table, in the deployed configuration. Where exactly each begins is tested in rate.test.ts. */

it('a flood of requests is refused with 429 and the time to wait, and ends', async () => {
  const account = await signUp();
  const who = identity(account.id);
  const stub = inboxOf(account.id);
  await Promise.all(Array.from({ length: RATES.requestsPerUser.burst * 2 }, () => stub.gate(who)));
  const calls = Array.from({ length: 100 }, () => request('/api/users/me', { token: account.token }));
  const response = (await Promise.all(calls)).find(({ status }) => status === 429);
  if (response === undefined) throw new Error('none was refused');
  const wait = Number(response.headers.get('retry-after'));
  expect(wait).toBeGreaterThan(0);
  const contract = await Contract.load();
  expect(Problem.parse(await contract.check('getMe', response))).toMatchObject({
    code: 'rate_limited',
    retry_after: wait,
  });
  await scheduler.wait(wait * 1000 + 100);
  expect((await api('/api/users/me', { token: account.token })).status).toBe(200);
});

it('a flood of messages is refused, and what was accepted is there once', async () => {
  const ada = newUser();
  const chat = await createChat([ada]);
  const { burst } = RATES.sendsPerUser;
  const answers = await Promise.all(
    Array.from({ length: burst * 3 }, (_, i) =>
      roomOf(chat).send(ada, { kind: 'text', client_id: `m${i}`, content: 'flood' }),
    ),
  );
  const stored = answers.filter(({ ok }) => ok).length;
  expect(stored).toBeGreaterThanOrEqual(burst);
  expect(stored).toBeLessThan(burst * 3);
  const refused = answers.find(({ ok }) => !ok);
  expect(refused).toMatchObject({ refusal: { code: 'rate_limited', retry_after: 1 } });
  const described = await roomOf(chat).describe(ada);
  expect(described).toMatchObject({ value: { chat: { head_seq: stored + 1 } } });
});

it('a flood of frames closes its socket, and no other', async () => {
  const [ada, ben] = [newUser(), newUser()];
  const chat = await createChat([ada, ben]);
  const frames = Array.from({ length: LIMITS.framesPerMessage }, () => ({ t: 'read', chat_id: chat, seq: 1 }));
  for (const open of [() => roomSocket(chat, identity(ada)), () => inboxSocket(identity(ada))]) {
    const [flooding, other] = [await open(), await roomSocket(chat, identity(ben))];
    for (let i = 0; i < (2 * RATES.framesPerSocket.burst) / frames.length; i++) flooding.send(frames);
    expect(await flooding.closed).toEqual({ code: 4429, reason: 'rate_limited' });
    other.send('ping');
    await other.nextText('pong');
    other.close();
  }
});

it('a user holds so many sockets on the inbox, and not one more', async () => {
  const who = identity(newUser());
  const sockets = [];
  for (let i = 0; i < LIMITS.socketsPerUser; i++) sockets.push(await inboxSocket(who));
  await sockets.at(-1)?.next('inbox');
  expect(await (await inboxSocket(who)).closed).toEqual({ code: 4429, reason: 'rate_limited' });
  sockets[0]?.close();
  await sockets[0]?.closed;
  const again = await inboxSocket(who);
  await again.next('inbox');
});

it('a user holds so many sockets on one conversation, and not one more', async () => {
  const [ada, ben] = [newUser(), newUser()];
  const chat = await createChat([ada, ben]);
  for (let i = 0; i < LIMITS.socketsPerUser; i++) await roomSocket(chat, identity(ada));
  expect(await (await roomSocket(chat, identity(ada))).closed).toEqual({ code: 4429, reason: 'rate_limited' });
  await (await roomSocket(chat, identity(ben))).next('events');
});

it('a page of another origin is turned away before an object wakes', async () => {
  const account = await signUp();
  for (const origin of [
    'https://elsewhere.example',
    'null',
    'https://tideline.example.com.evil.example',
    'https://tideline.example.com:8443',
    'http://tideline.example.com',
    'https://eviltideline.example.com',
    'https://tideline.example.com@evil.example',
    'HTTPS://TIDELINE.EXAMPLE.COM.',
  ]) {
    // Of a conversation that there is none of an object would say so.
    const none = newId('chat');
    for (const path of ['/api/ws', `/api/chats/${none}/ws`]) {
      const socket = await openSocket(path, account.token, { origin });
      expect([origin, path, await socket.closed]).toEqual([origin, path, { code: 4403, reason: 'forbidden' }]);
    }
    const woken = (await listDurableObjectIds(env.ROOMS)).map(String);
    expect(woken).not.toContain(String(env.ROOMS.idFromName(none)));
  }
  const own = await openSocket('/api/ws', account.token, { origin: 'https://tideline.example.com' });
  await own.next('inbox');
  const app = await openSocket('/api/ws', account.token);
  await app.next('inbox');
});
