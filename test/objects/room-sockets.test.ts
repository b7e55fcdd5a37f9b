import { runInDurableObject } from 'cloudflare:test';
import { beforeEach, describe, expect, it } from 'vitest';
import { ACCESS_TTL } from '../../src/auth/tokens.ts';
import { newId } from '../../src/ids.ts';
import { LIMITS } from '../../src/protocol/limits.ts';
import {
  accessToken,
  createChat,
  eventually,
  identity,
  inboxOf,
  newUser,
  newUsers,
  roomOf,
  roomSocket,
  value,
} from '../support/objects.ts';
import type { TestSocket } from '../support/socket.ts';

let [ada, bob, chat] = ['', '', ''];
beforeEach(async () => {
  [ada, bob] = [newUser(), newUser()];
  chat = await createChat([ada, bob]);
});

let ids = 0;
const send = (content = 'hello', fields: Record<string, unknown> = {}) => ({
  t: 'send',
  client_id: `c${++ids}`,
  chat_id: chat,
  content,
  ...fields,
});
const post = async (user: string, content: string) =>
  value(await roomOf(chat).send(user, { client_id: `p${++ids}`, kind: 'text', content })).seq;
/** The events that a socket has got, by seq, taking what came so far. */
const seqsOf = (socket: TestSocket) =>
  socket.pending.flatMap((frame) => (frame.t === 'events' ? frame.events.map((event) => event.seq) : []));

describe('a new socket', () => {
  it('is greeted with where the log stands', async () => {
    await post(ada, 'one');
    const socket = await roomSocket(chat, identity(bob));
    expect(await socket.next('events')).toMatchObject({ chat_id: chat, head_seq: 2, events: [], has_more: false });
  });

  it('with `after` gets what came after that seq, then what happens, without a gap or a repetition', async () => {
    for (let i = 0; i < 5; i++) await post(ada, `${i}`);
    const socket = await roomSocket(chat, identity(bob), 3);
    for (let i = 0; i < 5; i++) await post(ada, `${i}`);
    await eventually('all are there', () => seqsOf(socket).length === 8);
    expect(seqsOf(socket)).toEqual([4, 5, 6, 7, 8, 9, 10, 11]);
  });

  it('with a position of another history gets the newest page and `reset`', async () => {
    const socket = await roomSocket(chat, identity(bob), 77);
    expect(await socket.next('events')).toMatchObject({ reset: true, events: [{ seq: 1 }] });
  });

  it('too far behind for one message gets the first part, a `lag`, and pulls itself up to live', async () => {
    const text = 'x'.repeat(LIMITS.contentBytes);
    for (let i = 0; i < 30; i++) await post(ada, text);
    const socket = await roomSocket(chat, identity(bob), 0);
    const first = await socket.next('events');
    expect(first.has_more).toBe(true);
    expect((await socket.next('lag')).head_seq).toBe(31);
    const held = first.events.map((event) => event.seq);
    while (held.length < 31) {
      socket.send({ t: 'pull', chat_id: chat, after: held.at(-1) });
      const page = await socket.next('events');
      held.push(...page.events.map((event) => event.seq));
    }
    await post(ada, 'live');
    held.push(...(await socket.next('events')).events.map((event) => event.seq));
    expect(held).toEqual(Array.from({ length: 32 }, (_, i) => i + 1));
  });

  it.each([
    ['that is no number', '?after=x'],
    ['that is negative', '?after=-1'],
  ])('with a position %s is closed as malformed', async (_what, query) => {
    const response = await roomOf(chat).fetch(
      new Request(`http://room/${query}`, {
        headers: { upgrade: 'websocket', 'x-tideline-identity': JSON.stringify(identity(bob)) },
      }),
    );
    expect(response.status).toBe(101);
    const { webSocket } = response;
    const closed = new Promise((resolve) => webSocket?.addEventListener('close', ({ code }) => resolve(code)));
    webSocket?.accept();
    expect(await closed).toBe(4400);
  });

  it('of a stranger is closed without a word of what there is', async () => {
    const socket = await roomSocket(chat, identity(newUser()));
    expect(await socket.closed).toEqual({ code: 4404, reason: 'not_found' });
    expect(socket.texts).toEqual([]);
    const nowhere = await roomSocket(newId('chat'), identity(ada));
    expect(await nowhere.closed).toEqual({ code: 4404, reason: 'not_found' });
    const channel = await createChat([ada], { type: 'PublicChannel' });
    expect(await (await roomSocket(channel, identity(bob))).closed).toEqual({ code: 4403, reason: 'forbidden' });
  });
});

describe('sending', () => {
  it('is acknowledged with the seq, and everybody gets the event, the sender too', async () => {
    const [one, two] = [await roomSocket(chat, identity(ada)), await roomSocket(chat, identity(bob))];
    for (const socket of [one, two]) await socket.next('events');
    one.send(send('hello', { client_id: 'mine' }));
    expect(await one.next('ack')).toMatchObject({ client_id: 'mine', chat_id: chat, seq: 2 });
    for (const socket of [one, two]) {
      expect(await socket.next('events')).toMatchObject({
        head_seq: 2,
        events: [
          { seq: 2, type: 'message', actor_id: ada, client_id: 'mine', content: 'hello', kind: 'text', ordinal: 1 },
        ],
      });
    }
  });

  it('an array is one batch: its acks come as one message, and the others get one frame', async () => {
    const [one, two] = [await roomSocket(chat, identity(ada)), await roomSocket(chat, identity(bob))];
    for (const socket of [one, two]) await socket.next('events');
    one.send(send('opens'));
    await one.next('ack');
    const [texts, frames] = [one.texts.length, two.texts.length];
    one.send(Array.from({ length: LIMITS.framesPerMessage }, (_, i) => send(`${i}`)));
    await eventually('all are acknowledged', () => one.pending.filter((frame) => frame.t === 'ack').length === 100);
    const acks = one.texts.slice(texts).filter((text) => text.includes('"ack"'));
    expect(acks.length).toBeLessThanOrEqual(3);
    expect(one.texts).not.toContain('[]');
    await eventually('all have arrived', () => seqsOf(two).length === 101);
    expect(two.texts.length - frames).toBeLessThanOrEqual(4);
    expect(seqsOf(two)).toEqual(Array.from({ length: 101 }, (_, i) => i + 2));
  });

  it('a resend on another socket, of a new session, with a new token, gets the old seq', async () => {
    const one = await roomSocket(chat, identity(ada));
    one.send(send('once', { client_id: 'x' }));
    const { seq, created_at } = await one.next('ack');
    one.close();
    const two = await roomSocket(chat, identity(ada));
    two.send(send('once', { client_id: 'x' }));
    expect(await two.next('ack')).toMatchObject({ seq, created_at, duplicate: true });
    two.send(send('twice', { client_id: 'x' }));
    expect(await two.next('error')).toMatchObject({ code: 'conflict', client_id: 'x', chat_id: chat });
    expect(value(await roomOf(chat).describe(ada)).chat.head_seq).toBe(2);
  });

  it('the ack comes before, or with, nothing that came later: a sender sees its own messages in the order of seq', async () => {
    const sockets = await Promise.all([ada, bob, ada, bob].map((user) => roomSocket(chat, identity(user))));
    for (const socket of sockets) await socket.next('events');
    for (let i = 0; i < 50; i++) for (const socket of sockets) socket.send(send(`${i}`));
    await eventually('all have all', () => sockets.every((socket) => seqsOf(socket).length === 200), 10_000);
    for (const socket of sockets) {
      expect(seqsOf(socket)).toEqual(Array.from({ length: 200 }, (_, i) => i + 2));
      const acks = socket.pending.flatMap((frame) => (frame.t === 'ack' ? [frame.seq] : []));
      expect(acks).toHaveLength(50);
      expect(acks).toEqual(acks.toSorted((a, b) => a - b));
    }
  });
});

describe('what a client sends wrong', () => {
  it.each([
    ['no JSON', 'hello', 'malformed'],
    ['an unknown frame', { t: 'subscribe' }, 'invalid'],
    ['a send without a client_id', { t: 'send', content: 'x' }, 'invalid'],
    ['an empty text', () => send(''), 'invalid'],
    ['more than 64 KiB', ' '.repeat(LIMITS.frameBytes + 1), 'too_large'],
    ['an array that is too long', () => Array.from({ length: 101 }, () => send('x')), 'too_large'],
    [
      'a frame for another conversation',
      () => send('x', { chat_id: newId('chat'), client_id: 'elsewhere' }),
      'invalid',
    ],
  ])('%s is answered with an error, and the socket goes on', async (_what, frame, code) => {
    const socket = await roomSocket(chat, identity(ada));
    socket.send(typeof frame === 'function' ? frame() : frame);
    expect((await socket.next('error')).code).toBe(code);
    socket.send(send('goes on'));
    expect((await socket.next('ack')).seq).toBe(2);
  });

  it('binary is answered with an error', async () => {
    const response = await roomOf(chat).fetch(
      new Request('http://room/', {
        headers: { upgrade: 'websocket', 'x-tideline-identity': JSON.stringify(identity(ada)) },
      }),
    );
    const { webSocket } = response;
    const texts: string[] = [];
    webSocket?.addEventListener('message', ({ data }) => texts.push(String(data)));
    webSocket?.accept();
    webSocket?.send(new TextEncoder().encode(JSON.stringify(send())));
    await eventually('an answer', () => texts.some((text) => text.includes('malformed')));
  });

  it('an error names the message that it is about', async () => {
    const socket = await roomSocket(chat, identity(ada));
    socket.send([send('x', { client_id: 'bad', reply_to: 99 }), send('y', { client_id: 'good' })]);
    expect(await socket.next('error')).toMatchObject({ client_id: 'bad', chat_id: chat, code: 'invalid' });
    expect(await socket.next('ack')).toMatchObject({ client_id: 'good', seq: 2 });
  });
});

it('ping is answered with pong', async () => {
  const socket = await roomSocket(chat, identity(ada));
  socket.send('ping');
  await socket.nextText('pong');
});

describe('signals and receipts', () => {
  it('typing reaches the others, a read mark everybody', async () => {
    const [one, two] = [await roomSocket(chat, identity(ada)), await roomSocket(chat, identity(bob))];
    one.send({ t: 'typing', chat_id: chat });
    expect(await two.next('typing')).toEqual({ t: 'typing', chat_id: chat, user_id: ada });
    await post(ada, 'read me');
    two.send({ t: 'read', chat_id: chat, seq: 2 });
    for (const socket of [one, two]) {
      const receipt = await socket.next('receipt', (frame) => frame.user_id === bob && frame.read_seq === 2);
      expect(receipt).toMatchObject({ chat_id: chat, delivered_seq: 2 });
    }
    expect(one.pending.some((frame) => frame.t === 'typing')).toBe(false);
  });

  it('a got and a pull are receipts of delivery', async () => {
    const [one, two] = [await roomSocket(chat, identity(ada)), await roomSocket(chat, identity(bob))];
    await post(ada, 'a');
    await post(ada, 'b');
    two.send({ t: 'got', chat_id: chat, seq: 2 });
    await one.next('receipt', (frame) => frame.user_id === bob && frame.delivered_seq === 2 && frame.read_seq === 1);
    two.send({ t: 'pull', chat_id: chat, after: 3 });
    await one.next('receipt', (frame) => frame.user_id === bob && frame.delivered_seq === 3);
  });
});

describe('a slow consumer', () => {
  it('gets a `lag` when its credit is used up, nothing more, and all of it when it pulls', async () => {
    const socket = await roomSocket(chat, identity(bob));
    await socket.next('events');
    const text = 'x'.repeat(LIMITS.contentBytes);
    for (let i = 0; i < 60; i++) await post(ada, text);
    const lag = await socket.next('lag');
    await scheduler.wait(20);
    const pushed = seqsOf(socket);
    expect(pushed.length).toBeLessThan(40);
    expect(pushed.at(-1)).toBe(lag.head_seq - 1);
    expect(socket.pending.filter((frame) => frame.t === 'lag')).toEqual([]);
    const held = [...pushed];
    while (held.at(-1) !== 61) {
      socket.send({ t: 'pull', chat_id: chat, after: held.at(-1) });
      const page = await socket.next('events', (frame) => (frame.events[0]?.seq ?? 0) > (held.at(-1) ?? 0));
      held.push(...page.events.map((event) => event.seq));
    }
    await post(ada, 'live again');
    await socket.next('events', (frame) => frame.events[0]?.seq === 62);
    expect(held).toEqual(Array.from({ length: 60 }, (_, i) => i + 2));
  });

  it('that confirms what it got is never told to lag', async () => {
    const socket = await roomSocket(chat, identity(bob));
    const text = 'x'.repeat(LIMITS.contentBytes);
    for (let i = 0; i < 60; i++) {
      const seq = await post(ada, text);
      await socket.next('events', (frame) => frame.events.some((event) => event.seq === seq));
      socket.send({ t: 'got', chat_id: chat, seq });
    }
    expect(socket.pending.some((frame) => frame.t === 'lag')).toBe(false);
  });

  it('a hundred pulls in one message are answered within bounds', async () => {
    const text = '\u0001'.repeat(LIMITS.contentBytes);
    for (let i = 0; i < 20; i++) await post(ada, text);
    const socket = await roomSocket(chat, identity(bob));
    await socket.next('events');
    socket.send(Array.from({ length: 100 }, () => ({ t: 'pull', chat_id: chat, after: 0 })));
    socket.send(send('answered'));
    await socket.next('ack');
    expect(socket.texts.reduce((sum, one) => sum + one.length, 0)).toBeLessThan(24 * 1024 * 1024);
  });
});

describe('the token of a socket', () => {
  it('can be renewed before it ends, by one of the same user', async () => {
    const who = identity(ada, { expires_at: Date.now() + 600 });
    const socket = await roomSocket(chat, who);
    socket.send({ t: 'auth', token: await accessToken(who) });
    const { expires_at } = await socket.next('authed');
    expect(Date.parse(expires_at)).toBeGreaterThan(Date.now() + (ACCESS_TTL - 10) * 1000);
    await scheduler.wait(700);
    socket.send(send('still here'));
    expect((await socket.next('ack')).seq).toBe(2);
  });

  it('is not renewed by one of another user, by one that has ended, nor by what is no token', async () => {
    const who = identity(ada);
    const socket = await roomSocket(chat, who);
    const ended = await accessToken(who, Math.floor(Date.now() / 1000) - ACCESS_TTL - 1);
    for (const [token, code] of [
      [await accessToken(identity(bob)), 'unauthenticated'],
      [ended, 'token_expired'],
      ['a.b.c', 'unauthenticated'],
    ] as const) {
      socket.send({ t: 'auth', token });
      expect((await socket.next('error')).code).toBe(code);
    }
    socket.send(send('the old one is still good'));
    await socket.next('ack');
  });

  it('of a session that was ended closes the socket when it is to be renewed', async () => {
    const who = identity(ada);
    const socket = await roomSocket(chat, who);
    await inboxOf(ada).endSessions({ sessions: [who.session_id] });
    socket.send({ t: 'auth', token: await accessToken(who) });
    expect(await socket.closed).toEqual({ code: 4401, reason: 'session_ended' });
  });

  it('when it has ended: the socket closes at the next thing it sends, which is not done', async () => {
    const socket = await roomSocket(chat, identity(ada, { expires_at: Date.now() + 200 }));
    await scheduler.wait(250);
    socket.send(send('too late'));
    expect(await socket.closed).toEqual({ code: 4401, reason: 'token_expired' });
    expect(value(await roomOf(chat).describe(ada)).chat.head_seq).toBe(1);
  });

  it('when it has ended: nothing is delivered, and the socket closes at the next thing to deliver', async () => {
    const socket = await roomSocket(chat, identity(ada, { expires_at: Date.now() + 200 }));
    await socket.next('events');
    await scheduler.wait(250);
    await post(bob, 'not for you');
    expect(await socket.closed).toEqual({ code: 4401, reason: 'token_expired' });
    expect(socket.pending).toEqual([]);
  });
});

describe('ending sessions', () => {
  it('closes the sockets of the named sessions, or of all but one, and no one else', async () => {
    const [one, two, three] = [identity(ada), identity(ada), identity(ada)];
    const sockets = await Promise.all([one, two, three, identity(bob)].map((who) => roomSocket(chat, who)));
    await roomOf(chat).endSessions(ada, { sessions: [one.session_id], reason: 'session_ended' });
    expect(await sockets[0]?.closed).toEqual({ code: 4401, reason: 'session_ended' });
    await roomOf(chat).endSessions(ada, { sessions: 'all', except: two.session_id, reason: 'session_ended' });
    expect(await sockets[2]?.closed).toEqual({ code: 4401, reason: 'session_ended' });
    await roomOf(chat).endSessions(ada, { sessions: 'all', reason: 'suspended' });
    expect(await sockets[1]?.closed).toEqual({ code: 4403, reason: 'suspended' });
    sockets[3]?.send(send('I am still here'));
    expect((await sockets[3]?.next('ack'))?.seq).toBe(2);
  });
});

it('a socket that goes leaves nothing behind in the room', async () => {
  const users = newUsers(10);
  const group = await createChat(users);
  const sockets = await Promise.all(users.map((user) => roomSocket(group, identity(user))));
  for (const socket of sockets) socket.close(1000, 'bye');
  for (const socket of sockets) expect((await socket.closed).code).toBe(1000);
  await eventually('the room has none', () =>
    runInDurableObject(roomOf(group), (_room, state) => state.getWebSockets().length === 0),
  );
});
