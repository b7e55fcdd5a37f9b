import { evictDurableObject } from 'cloudflare:test';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyChanges, applyEvents, emptyList, type LogState, startLog } from '../../src/protocol/reduce.ts';
import { type SyncRequest, SyncResponse } from '../../src/protocol/sync.ts';
import { unread } from '../../src/protocol/unread.ts';
import {
  createChat,
  eventually,
  identity,
  inboxOf,
  inboxSocket,
  newUser,
  newUsers,
  roomOf,
  value,
} from '../support/objects.ts';

const sync = async (user: string, request: SyncRequest = {}) =>
  SyncResponse.parse(JSON.parse(value(await inboxOf(user).sync(request))));
let ids = 0;
const post = async (chat: string, user: string, fields: { content?: string; mentions?: string[] } = {}) =>
  value(await roomOf(chat).send(user, { client_id: `p${++ids}`, kind: 'text', content: 'x', ...fields })).seq;
const rowOf = async (user: string, chat: string) => {
  for (const change of (await sync(user)).changes) {
    if (change.type === 'chat' && change.chat_id === chat) return change.chat;
  }
  return null;
};

describe('the row of a conversation', () => {
  it('is what the room says, for each member: head, unread, mentions, last message', async () => {
    const users = newUsers(3);
    const [ada = '', bob = '', cyd = ''] = users;
    const chat = await createChat(users);
    await post(chat, ada, { content: 'one' });
    await post(chat, ada, { content: 'two', mentions: [bob] });
    for (const user of users) await eventually('told', async () => (await rowOf(user, chat))?.head_seq === 3);
    expect(await rowOf(ada, chat)).toMatchObject({ unread: 0, mentions: 0, role: 'owner', read_seq: 3 });
    expect(await rowOf(bob, chat)).toMatchObject({
      unread: 2,
      mentions: 1,
      role: 'member',
      last_message: { content: 'two' },
    });
    expect(await rowOf(cyd, chat)).toMatchObject({ unread: 2, mentions: 0 });
    await roomOf(chat).submit(bob, [{ t: 'read', chat_id: chat, seq: 3 }]);
    await eventually('read', async () => (await rowOf(bob, chat))?.unread === 0);
    expect(await rowOf(bob, chat)).toMatchObject({ mentions: 0, read_seq: 3, delivered_seq: 3 });
  });

  it('survives a large room: whoever looks knows, though they were not told', async () => {
    const users = newUsers(40);
    const [ada = '', bob = ''] = users;
    const chat = await createChat(users);
    for (const user of users) await eventually('told once', async () => (await rowOf(user, chat)) !== null);
    for (let i = 0; i < 5; i++) await post(chat, ada);
    await scheduler.wait(50);
    expect(await rowOf(bob, chat)).toMatchObject({ head_seq: 6, unread: 5 });
    await post(chat, ada);
    await eventually('told again, or asked again', async () => (await rowOf(bob, chat))?.head_seq === 7);
  });

  it('of a large room reaches a device that is online, message by message', async () => {
    const users = newUsers(40);
    const [ada = '', bob = ''] = users;
    const device = await inboxSocket(identity(bob));
    const chat = await createChat(users);
    for (let i = 0; i < 5; i++) {
      const seq = await post(chat, ada);
      await device.next('events', ({ events }) => events.some((event) => event.seq === seq));
    }
  });

  it('of a large room reaches a device that has come after the room fell silent', async () => {
    const users = newUsers(40);
    const [ada = '', bob = ''] = users;
    const chat = await createChat(users);
    await eventually('told once', async () => (await rowOf(bob, chat)) !== null);
    await post(chat, ada);
    await scheduler.wait(30);
    const device = await inboxSocket(identity(bob));
    await scheduler.wait(50);
    const seq = await post(chat, ada);
    await device.next('events', ({ events }) => events.some((event) => event.seq === seq));
  });
});

describe('one round trip', () => {
  it('catches a device up with everything: rows and events, of all its conversations', async () => {
    const [ada, bob] = [newUser(), newUser()];
    const chats = await Promise.all(Array.from({ length: 12 }, () => createChat([ada, bob])));
    const held = Object.fromEntries(chats.map((chat) => [chat, 1]));
    await eventually('all rows', async () => (await sync(bob)).changes.length === 12);
    const { cursor } = await sync(bob);
    for (const [index, chat] of chats.entries()) {
      for (let i = 0; i < index; i++) await post(chat, ada, { content: `${index}.${i}` });
    }
    await eventually('all told', async () => (await rowOf(bob, chats.at(-1) ?? ''))?.head_seq === 12);
    const answer = await sync(bob, { cursor, chats: held });
    expect(answer.changes.length).toBe(11);
    expect(answer.unreached).toBeUndefined();
    expect(Object.keys(answer.events ?? {}).toSorted()).toEqual(chats.slice(1).toSorted());
    for (const [index, chat] of chats.entries()) {
      if (index === 0) continue;
      expect(answer.events?.[chat]?.map((event) => (event.type === 'message' ? event.content : ''))).toEqual(
        Array.from({ length: index }, (_, i) => `${index}.${i}`),
      );
      expect(answer.heads?.[chat]).toMatchObject({ head_seq: index + 1, has_more: false });
    }
  });

  it('names the holes of one who joined late', async () => {
    const [ada, bob] = [newUser(), newUser()];
    const chat = await createChat([ada], { history: 'joined' });
    await post(chat, ada);
    value(await roomOf(chat).addMembers(ada, [bob]));
    await eventually('told', async () => (await rowOf(bob, chat)) !== null);
    const answer = await sync(bob, { chats: { [chat]: 0 } });
    expect(answer.heads?.[chat]?.holes).toEqual([{ from_seq: 1, to_seq: 2, reason: 'before_join' }]);
    expect(answer.events?.[chat]?.map((event) => event.seq)).toEqual([3]);
  });
});

it('a device that applies every change to what it had holds what a new device gets, and every log without a hole: whatever happens', async () => {
  const act = fc.record({
    what: fc.constantFrom(
      'send',
      'send',
      'send',
      'mention',
      'read',
      'rename',
      'leave',
      'remove',
      'add',
      'prefer',
      'create',
      'destroy',
      'sync',
      'sync',
      'evict inbox',
      'evict room',
    ),
    chat: fc.nat(3),
    actor: fc.nat(2),
    limit: fc.integer({ min: 1, max: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 5, maxLength: 30 }), async (acts) => {
      const users = newUsers(3);
      const [, bob = ''] = users;
      const chats = [await createChat(users), await createChat(users, { type: 'PublicChannel', history: 'joined' })];
      let list = emptyList;
      const logs = new Map<string, LogState>();
      /** One round trip of Bob's device, as a client makes it. */
      const pull = async (limit: number) => {
        const chatsHeld = Object.fromEntries([...logs].map(([id, log]) => [id, log.upto]));
        const answer = await sync(bob, { cursor: list.cursor, chats: chatsHeld, limit });
        list = applyChanges(list, answer).state;
        for (const [id, items] of Object.entries(answer.events ?? {})) {
          const head = answer.heads?.[id];
          const log = logs.get(id);
          if (head !== undefined && log !== undefined) logs.set(id, applyEvents(log, { ...head, items }).state);
        }
        for (const id of list.chats.keys()) if (!logs.has(id)) logs.set(id, startLog(null));
        for (const id of logs.keys()) if (!list.chats.has(id)) logs.delete(id);
        return answer;
      };
      for (const { what, chat, actor, limit } of acts) {
        const id = chats[chat % chats.length] ?? '';
        const user = users[actor] ?? '';
        const room = roomOf(id);
        // What is refused here is refused: who may do what is another test's matter.
        if (what === 'send') await room.send(user, { kind: 'text', content: what, client_id: `p${++ids}` });
        else if (what === 'mention')
          await room.send(user, { kind: 'text', content: what, client_id: `p${++ids}`, mentions: [bob] });
        else if (what === 'read') await room.submit(user, [{ t: 'read', chat_id: id, seq: 1_000_000 }]);
        else if (what === 'rename') await room.update(user, { name: `name ${++ids}` });
        else if (what === 'leave') await room.removeMember(user, user);
        else if (what === 'remove') await room.removeMember(user, bob);
        else if (what === 'add') await room.addMembers(user, [bob]);
        else if (what === 'prefer') await inboxOf(bob).prefer(id, { pinned: limit > 1, muted: limit > 2 });
        else if (what === 'create') chats.push(await createChat(users));
        else if (what === 'destroy') await room.destroy(user);
        else if (what === 'sync') await pull(limit);
        else {
          const stub = what === 'evict inbox' ? inboxOf(bob) : room;
          await evictDurableObject(stub).catch(() => undefined);
        }
      }
      // Until the rooms have told all that they had to tell.
      const truth = async () =>
        Object.fromEntries(
          await Promise.all(
            chats.map(async (id) => {
              const page = await roomOf(id).events(bob, { after: 0, limit: 500 });
              if (!page.ok) return [id, null] as const;
              const { head_seq }: { head_seq: number } = JSON.parse(page.value);
              return [id, head_seq] as const;
            }),
          ),
        );
      await eventually('the inbox knows what the rooms know', async () => {
        const heads = await truth();
        const fresh = applyChanges(emptyList, await sync(bob, { limit: 1000 })).state;
        return chats.every((id) => (fresh.chats.get(id)?.head_seq ?? null) === heads[id]);
      });
      // The last row may name a conversation that only the next round asks for.
      for (let still = 0; still < 3; ) still = (await pull(2)).has_more ? 0 : still + 1;

      const fresh = applyChanges(emptyList, await sync(bob, { limit: 1000 })).state;
      expect(Object.fromEntries(list.chats)).toEqual(Object.fromEntries(fresh.chats));
      for (const [id, row] of fresh.chats) {
        expect(row.unread).toBe(unread(row.messages, row.read_messages));
        expect(logs.get(id)).toMatchObject({ upto: row.head_seq, from: 0, ahead: [] });
      }
    }),
    { numRuns: 12 },
  );
}, 60_000);
