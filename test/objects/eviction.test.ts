import { abortAllDurableObjects, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../src/protocol/limits.ts';
import { SyncResponse } from '../../src/protocol/sync.ts';
import { ofChats } from '../support/inbox.ts';
import {
  createChat,
  eventually,
  HOUR,
  identity,
  inboxOf,
  inboxSocket,
  newUser,
  newUsers,
  roomOf,
  roomSocket,
  value,
} from '../support/objects.ts';
import type { TestSocket } from '../support/socket.ts';

let ids = 0;
const post = async (chat: string, user: string, content = 'x', client_id = `p${++ids}`) =>
  value(await roomOf(chat).send(user, { client_id, kind: 'text', content }));
const seqsOf = (socket: TestSocket) =>
  socket.pending.flatMap((frame) => (frame.t === 'events' ? frame.events.map((event) => event.seq) : []));
const sync = async (user: string, cursor?: string) =>
  SyncResponse.parse(JSON.parse(value(await inboxOf(user).sync(cursor === undefined ? {} : { cursor }))));
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe('sockets of a room through its eviction', () => {
  it('go on: nothing is lost or doubled, over many evictions in the middle of a conversation', async () => {
    const users = newUsers(3);
    const chat = await createChat(users);
    const sockets = await Promise.all(users.map((user) => roomSocket(chat, identity(user))));
    for (const socket of sockets) await socket.next('events');
    for (let round = 0; round < 5; round++) {
      for (const [index, socket] of sockets.entries()) {
        for (let i = 0; i < 4; i++) {
          socket.send({ t: 'send', client_id: `r${round}.${i}`, chat_id: chat, content: `${index}` });
        }
      }
      if (round % 2 === 0) {
        await eventually('all of the round', () =>
          sockets.every((socket) => seqsOf(socket).length === (round + 1) * 12),
        );
      } else await roomOf(chat).describe('nobody');
      await evictDurableObject(roomOf(chat), { webSockets: 'hibernate' });
    }
    await eventually('all have all', () => sockets.every((socket) => seqsOf(socket).length === 60));
    for (const socket of sockets) {
      expect(seqsOf(socket)).toEqual(range(2, 61));
      expect(socket.pending.filter((frame) => frame.t === 'ack')).toHaveLength(20);
    }
  });

  it('are still who they were, and still end with their token and with their session', async () => {
    const [ada, bob] = [newUser(), newUser()];
    const chat = await createChat([ada, bob]);
    const [short, named] = [identity(ada, { expires_at: Date.now() + 500 }), identity(bob)];
    const [one, two] = [await roomSocket(chat, short), await roomSocket(chat, named)];
    await evictDurableObject(roomOf(chat));
    two.send({ t: 'send', client_id: 'x', chat_id: chat, content: 'who am I' });
    expect((await one.next('events', ({ events }) => events.length > 0)).events).toMatchObject([{ actor_id: bob }]);
    await evictDurableObject(roomOf(chat));
    await scheduler.wait(500);
    await post(chat, bob);
    expect(await one.closed).toEqual({ code: 4401, reason: 'token_expired' });
    await evictDurableObject(roomOf(chat));
    await roomOf(chat).endSessions(bob, { sessions: [named.session_id], reason: 'session_ended' });
    expect(await two.closed).toEqual({ code: 4401, reason: 'session_ended' });
  });

  it('that lag go on lagging, and pull themselves up', async () => {
    const [ada, bob] = [newUser(), newUser()];
    const chat = await createChat([ada, bob]);
    const socket = await roomSocket(chat, identity(bob));
    for (let i = 0; i < 40; i++) await post(chat, ada, 'x'.repeat(LIMITS.contentBytes));
    await socket.next('lag');
    const count = seqsOf(socket).length;
    await evictDurableObject(roomOf(chat));
    await post(chat, ada);
    await scheduler.wait(20);
    expect(seqsOf(socket).length).toBe(count);
    socket.send({ t: 'pull', chat_id: chat, after: 40 });
    await eventually('the page', () => seqsOf(socket).at(-1) === 42);
    await post(chat, ada);
    await eventually('live', () => seqsOf(socket).at(-1) === 43);
  });

  it('of a member who was removed meanwhile do not come back', async () => {
    const [ada, bob] = [newUser(), newUser()];
    const chat = await createChat([ada, bob]);
    const socket = await roomSocket(chat, identity(bob));
    await socket.next('events');
    value(await roomOf(chat).removeMember(ada, bob));
    await evictDurableObject(roomOf(chat));
    await post(chat, ada, 'not for you');
    expect((await socket.closed).code).toBe(4403);
    expect(seqsOf(socket)).toEqual([]);
  });

  it('spare the inbox behind them in the next life too, until a device comes there', async () => {
    const [ada, bob] = [newUser(), newUser()];
    const chat = await createChat([ada, bob]);
    const held = async () => (await inboxOf(bob).held(chat))?.head_seq;
    await eventually('the inbox knows', async () => (await held()) === 1);
    const here = await roomSocket(chat, identity(bob));
    await post(chat, ada);
    await eventually('the inbox is told once', async () => (await held()) === 2);
    for (const seq of [3, 4]) {
      await evictDurableObject(roomOf(chat));
      await post(chat, ada);
      await eventually('the socket has it', () => seqsOf(here).at(-1) === seq);
      expect(await held()).toBe(2);
    }
    const device = await inboxSocket(identity(bob));
    await eventually('the inbox asked', async () => (await held()) === 4);
    for (const seq of [5, 6]) {
      await evictDurableObject(roomOf(chat));
      await post(chat, ada);
      await eventually('the device has it', () => seqsOf(device).at(-1) === seq);
    }
    await eventually('the socket, too', () => seqsOf(here).at(-1) === 6);
  });

  it('that are closed with it find everything where they left it', async () => {
    const [ada, bob] = [newUser(), newUser()];
    const chat = await createChat([ada, bob]);
    const socket = await roomSocket(chat, identity(bob));
    await post(chat, ada);
    await eventually('it has it', () => seqsOf(socket).at(-1) === 2);
    await evictDurableObject(roomOf(chat), { webSockets: 'close' });
    await socket.closed;
    await post(chat, ada);
    const again = await roomSocket(chat, identity(bob), 2);
    await eventually('it has the rest', () => seqsOf(again).length === 1);
    expect(seqsOf(again)).toEqual([3]);
  });
});

describe('a room that is killed', () => {
  it('answers a resend with the old seq', async () => {
    const [ada, bob] = [newUser(), newUser()];
    const chat = await createChat([ada, bob]);
    const sent = await post(chat, ada, 'once', 'x');
    await evictDurableObject(roomOf(chat));
    expect(await post(chat, ada, 'once', 'x')).toEqual({ ...sent, duplicate: true });
    await abortAllDurableObjects();
    expect(await post(chat, ada, 'once', 'x')).toEqual({ ...sent, duplicate: true });
    expect((await post(chat, ada)).seq).toBe(sent.seq + 1);
  });

  it('in the middle of sends: what was acknowledged is there, and the rest can be sent again', async () => {
    const users = newUsers(3);
    const [ada = ''] = users;
    const chat = await createChat(users);
    const acknowledged = new Map<string, number>();
    for (let round = 0; round < 4; round++) {
      const sends = range(0, 49).map((i) =>
        post(chat, ada, `${i}`, `r${round}.${i}`).then(
          ({ seq }) => void acknowledged.set(`r${round}.${i}`, seq),
          () => undefined,
        ),
      );
      await scheduler.wait(round);
      await abortAllDurableObjects();
      await Promise.all(sends);
    }
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 50; i++) {
        const { seq } = await post(chat, ada, `${i}`, `r${round}.${i}`);
        expect(acknowledged.get(`r${round}.${i}`) ?? seq).toBe(seq);
      }
    }
    const page: { items: { seq: number }[] } = JSON.parse(
      value(await roomOf(chat).events(ada, { after: 0, limit: 500 })),
    );
    expect(page.items.map((event) => event.seq)).toEqual(range(1, 201));
  });

  it('tells every inbox what it had not told', async () => {
    const users = newUsers(4);
    const [ada = ''] = users;
    const chat = await createChat(users);
    const sending = post(chat, ada, 'news');
    await sending.catch(() => undefined);
    await abortAllDurableObjects();
    await post(chat, ada, 'news', `p${ids}`);
    await runDurableObjectAlarm(roomOf(chat));
    for (const user of users) {
      await eventually(`${user} knows`, async () =>
        JSON.stringify((await sync(user)).changes).includes('"content":"news"'),
      );
    }
  });

  it('has its alarm again: it rings until all is told, and then no more', async () => {
    const users = newUsers(3);
    const [ada = ''] = users;
    const chat = await createChat(users);
    await post(chat, ada);
    await evictDurableObject(roomOf(chat));
    let rings = 0;
    while (await runDurableObjectAlarm(roomOf(chat))) {
      rings += 1;
      await scheduler.wait(20);
      if (rings > 5) break;
    }
    expect(rings).toBeGreaterThanOrEqual(1);
    expect(rings).toBeLessThanOrEqual(3);
    await runInDurableObject(roomOf(chat), async (_room, { storage }) => {
      expect(await storage.getAlarm()).toBeNull();
      expect(storage.sql.exec('SELECT count(*) AS n FROM outbox').one()).toEqual({ n: 0 });
    });
  });

  it('remembers read marks, also those that sends imply', async () => {
    const [ada, bob] = [newUser(), newUser()];
    const chat = await createChat([ada, bob]);
    await post(chat, ada);
    await post(chat, bob);
    await evictDurableObject(roomOf(chat));
    const { items } = value(await roomOf(chat).members(ada, { limit: 10 }));
    expect(items.find((member) => member.user_id === bob)).toMatchObject({ read_seq: 3, delivered_seq: 3 });
  });
});

describe('sockets of an inbox through its eviction', () => {
  // An inbox with a row that is not stored yet ends only when it is: an eviction waits for that.
  it('go on: events, rows, sends and signals', { timeout: 60_000 }, async () => {
    const [ada, bob] = [newUser(), newUser()];
    const device = await inboxSocket(identity(bob));
    const chat = await createChat([ada, bob]);
    for (let round = 0; round < 2; round++) {
      await evictDurableObject(inboxOf(bob));
      await post(chat, ada);
      device.send({ t: 'send', client_id: `r${round}`, chat_id: chat, content: 'hi' });
      await device.next('ack', (frame) => frame.client_id === `r${round}`);
    }
    await eventually('all events', () => seqsOf(device).length === 5);
    expect(seqsOf(device)).toEqual(range(1, 5));
    expect(ofChats((await sync(bob)).changes)).toMatchObject([{ chat: { head_seq: 5, unread: 0 } }]);
  });

  it('that lag go on lagging until they have confirmed; then they get the rows that changed', async () => {
    const [ada, bob] = [newUser(), newUser()];
    const device = await inboxSocket(identity(bob));
    const chat = await createChat([ada, bob]);
    const other = await createChat([ada, bob]);
    for (let i = 0; i < 40; i++) await post(chat, ada, 'x'.repeat(LIMITS.contentBytes));
    await device.next('lag');
    await scheduler.wait(50);
    await evictDurableObject(inboxOf(bob));
    const before = device.texts.length;
    await post(other, ada, 'while you lag');
    await scheduler.wait(50);
    expect(device.texts.length).toBe(before);
    device.send({ t: 'pull', chat_id: chat, after: 41 });
    await eventually('the row of the other', () =>
      device.texts.slice(before).some((text) => text.includes('while you lag')),
    );
  });

  it('that close with it come back with their cursor, and have missed nothing', async () => {
    const [ada, bob] = [newUser(), newUser()];
    const device = await inboxSocket(identity(bob));
    const chat = await createChat([ada, bob]);
    const { cursor } = await device.next('inbox', ({ changes }) => changes.length > 0);
    await evictDurableObject(inboxOf(bob), { webSockets: 'close' });
    await device.closed;
    await post(chat, ada, 'meanwhile');
    await eventually('the inbox knows', async () => ofChats((await sync(bob, cursor)).changes).length > 0);
    const again = await inboxSocket(identity(bob), cursor);
    const { changes } = await again.next('inbox');
    expect(ofChats(changes)).toMatchObject([{ chat: { last_message: { content: 'meanwhile' } } }]);
  });

  it('the user is still online, and is not once the last one has gone', async () => {
    const bob = newUser();
    const device = await inboxSocket(identity(bob));
    await device.next('inbox');
    await evictDurableObject(inboxOf(bob));
    expect(value(await inboxOf(bob).presence(bob)).state).toBe('online');
    device.close();
    await eventually('offline', async () => value(await inboxOf(bob).presence(bob)).state === 'offline');
    await evictDurableObject(inboxOf(bob));
    const presence = value(await inboxOf(bob).presence(bob));
    expect(presence.state).toBe('offline');
    expect(Date.now() - Date.parse(presence.last_seen ?? '')).toBeLessThan(HOUR / 60);
  });

  it('what was ended stays ended: sessions, suspension, rooms to be closed', async () => {
    const [ada, bob] = [newUser(), newUser()];
    const chat = await createChat([ada, bob]);
    const who = identity(bob);
    value(await inboxOf(bob).gate(who, chat));
    const socket = await roomSocket(chat, who);
    await evictDurableObject(inboxOf(bob));
    await inboxOf(bob).endSessions({ sessions: [who.session_id] });
    expect(await socket.closed).toEqual({ code: 4401, reason: 'session_ended' });
    await evictDurableObject(inboxOf(bob));
    expect(await inboxOf(bob).gate(who)).toMatchObject({ ok: false, refusal: { code: 'session_ended' } });
    expect(await (await inboxSocket(who)).closed).toEqual({ code: 4401, reason: 'session_ended' });
  });
});
