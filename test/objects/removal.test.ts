import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import { SyncResponse } from '../../src/protocol/sync.ts';
import { ofChats } from '../support/inbox.ts';
import {
  codeOf,
  createChat,
  eventually,
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

const seqsOf = (socket: TestSocket) =>
  socket.pending.flatMap((frame) => (frame.t === 'events' ? frame.events.map((event) => event.seq) : []));
const goneFrom = (socket: TestSocket, chat: string) =>
  socket.pending.some(
    (frame) =>
      frame.t === 'inbox' && frame.changes.some((change) => change.type === 'chat.gone' && change.chat_id === chat),
  );
const rowsOf = async (user: string) =>
  ofChats(SyncResponse.parse(JSON.parse(value(await inboxOf(user).sync({})))).changes);

describe('one who is removed while others write', () => {
  it.each([1, 2, 3])('gets nothing that came after, on no socket, and is told that it is over (run %i)', async () => {
    const [ada, bob, cyd] = [newUser(), newUser(), newUser()];
    const device = await inboxSocket(identity(bob));
    await device.next('inbox');
    const chat = await createChat([ada, bob, cyd]);
    const socket = await roomSocket(chat, identity(bob));
    await socket.next('events');

    let open = true;
    const closing = socket.closed.then(() => {
      open = false;
    });
    const sends: Promise<unknown>[] = [closing];
    for (let i = 0; i < 200; i++) {
      const user = i % 2 === 0 ? ada : cyd;
      sends.push(roomOf(chat).send(user, { kind: 'text', content: `${i}`, client_id: `c${i}` }));
      if (open) socket.send({ t: 'send', client_id: `b${i}`, chat_id: chat, content: `${i}` });
      device.send({ t: 'send', client_id: `d${i}`, chat_id: chat, content: `${i}` });
      if (i === 100) sends.push(roomOf(chat).removeMember(ada, bob));
      if (i % 20 === 0) await scheduler.wait(1);
    }
    await Promise.all(sends);
    expect(await socket.closed).toEqual({ code: 4403, reason: 'forbidden' });
    await eventually('the device is told', () => goneFrom(device, chat));
    await scheduler.wait(50);

    const page = value(await roomOf(chat).events(ada, { after: 0, limit: 1000 }));
    const { items }: { items: { seq: number; type: string; user_id?: string; actor_id?: string }[] } = JSON.parse(page);
    const left = items.find((event) => event.type === 'member.left')?.seq ?? 0;
    expect(left).toBeGreaterThan(1);
    expect(Math.max(...seqsOf(socket))).toBeLessThan(left);
    expect(Math.max(...seqsOf(device))).toBeLessThan(left);
    expect(items.filter((event) => event.seq > left && event.actor_id === bob)).toEqual([]);
    expect(seqsOf(socket)).toEqual(Array.from({ length: seqsOf(socket).length }, (_, i) => i + 2));
    // Every send of theirs was answered: with an ack from before, or with a refusal.
    const answered = new Set(
      device.pending.flatMap((frame) => (frame.t === 'ack' || frame.t === 'error' ? [frame.client_id] : [])),
    );
    expect(answered.size).toBe(200);
    expect((await rowsOf(bob)).at(-1)).toEqual({ type: 'chat.gone', chat_id: chat, reason: 'removed' });
    expect(codeOf(await roomOf(chat).events(bob, { after: 0, limit: 10 }))).toBe('not_found');
    expect(codeOf(await roomOf(chat).catchUp(bob, { after: 0, bytes: 1000 }))).toBe('not_found');
  });

  it('comes back and is told again, from the new beginning on', async () => {
    const [ada, bob] = [newUser(), newUser()];
    const device = await inboxSocket(identity(bob));
    const chat = await createChat([ada, bob], { history: 'joined' });
    value(await roomOf(chat).removeMember(ada, bob));
    value(await roomOf(chat).send(ada, { kind: 'text', content: 'secret', client_id: 'a' }));
    value(await roomOf(chat).addMembers(ada, [bob]));
    value(await roomOf(chat).send(ada, { kind: 'text', content: 'welcome back', client_id: 'b' }));
    await eventually('the message comes', () => seqsOf(device).at(-1) === 5);
    expect(JSON.stringify(device.texts)).not.toContain('secret');
    expect(await rowsOf(bob)).toMatchObject([{ type: 'chat', chat: { visible_from: 4, unread: 1 } }]);
  });
});

describe('a conversation that is deleted', () => {
  it('closes every socket, tells every inbox, and keeps nothing of what was said', async () => {
    const users = newUsers(5);
    const [ada = '', bob = ''] = users;
    const devices = await Promise.all(users.map((user) => inboxSocket(identity(user))));
    const chat = await createChat(users);
    const sockets = await Promise.all(users.map((user) => roomSocket(chat, identity(user))));
    value(await roomOf(chat).send(ada, { kind: 'text', content: 'to be forgotten', client_id: 'a' }));
    expect(codeOf(await roomOf(chat).destroy(bob))).toBe('forbidden');
    value(await roomOf(chat).destroy(ada));
    for (const socket of sockets) expect(await socket.closed).toEqual({ code: 4404, reason: 'not_found' });
    for (const device of devices) await eventually('the device is told', () => goneFrom(device, chat));
    for (const user of users)
      expect(await rowsOf(user)).toEqual([{ type: 'chat.gone', chat_id: chat, reason: 'deleted' }]);
    expect(await runDurableObjectAlarm(roomOf(chat))).toBe(true);
    await runInDurableObject(roomOf(chat), (_room, { storage }) => {
      for (const table of ['events', 'members', 'mentions', 'outbox']) {
        expect(storage.sql.exec(`SELECT * FROM ${table}`).toArray()).toEqual([]);
      }
    });
    for (const call of [
      roomOf(chat).describe(ada),
      roomOf(chat).send(ada, { kind: 'text', content: 'x', client_id: 'a' }),
      roomOf(chat).messages(ada, { limit: 10 }),
      roomOf(chat).members(ada, { limit: 10 }),
      roomOf(chat).addMembers(ada, [bob]),
      roomOf(chat).removeMember(ada, bob),
      roomOf(chat).update(ada, { name: 'x' }),
      roomOf(chat).destroy(ada),
    ]) {
      expect(codeOf(await call)).toBe('not_found');
    }
    await roomOf(chat).dissolve();
    await roomOf(chat).expel(bob);
    expect(await roomOf(chat).look(ada)).toBeNull();
    expect(await (await roomSocket(chat, identity(ada))).closed).toEqual({ code: 4404, reason: 'not_found' });
  });

  it('while others write: whoever is answered was stored, and afterwards there is nothing', async () => {
    const [ada, bob] = [newUser(), newUser()];
    const chat = await createChat([ada, bob]);
    const sends = Array.from({ length: 100 }, (_, i) =>
      roomOf(chat).send(bob, { kind: 'text', content: `${i}`, client_id: `c${i}` }),
    );
    const destroyed = roomOf(chat).destroy(ada);
    const late = Array.from({ length: 50 }, (_, i) =>
      roomOf(chat).send(bob, { kind: 'text', content: `${i}`, client_id: `l${i}` }),
    );
    const codes = (await Promise.all([...sends, ...late])).map(codeOf);
    value(await destroyed);
    expect(new Set(codes)).toEqual(new Set(codes.includes('ok') ? ['ok', 'not_found'] : ['not_found']));
    expect(codes.at(-1)).toBe('not_found');
  });
});

it('nothing is known of a conversation that was never created, and asking creates nothing', async () => {
  const chat = `chat_${'0'.repeat(26)}`;
  const user = newUser();
  expect(codeOf(await roomOf(chat).describe(user))).toBe('not_found');
  expect(codeOf(await roomOf(chat).send(user, { kind: 'text', content: 'x', client_id: 'a' }))).toBe('not_found');
  expect(
    await roomOf(chat).submit(user, [
      { t: 'typing', chat_id: chat },
      { t: 'got', chat_id: chat, seq: 1 },
    ]),
  ).toHaveLength(2);
  await roomOf(chat).dissolve();
  await roomOf(chat).expel(user);
  await roomOf(chat).endSessions(user, { sessions: 'all', reason: 'suspended' });
  expect(await roomOf(chat).look(user)).toBeNull();
  await runInDurableObject(roomOf(chat), (_room, { storage }) => {
    expect(storage.sql.exec('SELECT name FROM sqlite_master').toArray()).toEqual([]);
  });
});
