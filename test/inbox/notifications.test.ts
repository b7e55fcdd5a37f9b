import { evictDurableObject } from 'cloudflare:test';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Notice } from '../../src/conversation/api.ts';
import { expire } from '../../src/conversation/expiry.ts';
import { updateRetention } from '../../src/conversation/retention.ts';
import { setMember } from '../../src/conversation/standing.ts';
import { newId } from '../../src/ids.ts';
import type { Item } from '../../src/inbox/items.ts';
import { notificationItem } from '../../src/inbox/notifications.ts';
import { INBOX_MIGRATIONS } from '../../src/inbox/schema.ts';
import type { ChatType } from '../../src/protocol/chats.ts';
import { LIMITS } from '../../src/protocol/limits.ts';
import { NotificationPage, type NotificationRow } from '../../src/protocol/notifications.ts';
import { applyChanges, emptyList, itemsOf, type ListState } from '../../src/protocol/reduce.ts';
import { Change } from '../../src/protocol/sync.ts';
import { migrate } from '../../src/storage/migrate.ts';
import { friend, notice, TestInbox, withInbox } from '../support/inbox.ts';
import { eventually, identity, inboxOf, inboxSocket, newUser, overStorage, value } from '../support/objects.ts';
import { TestRoom } from '../support/room.ts';

const [ada, bob, cyd] = [newUser(), newUser(), newUser()];
const CHAT = newId('chat');
const AT = Date.UTC(2026, 10, 21, 8);

/** Bob's inbox. */
const withBob = (work: (test: TestInbox) => void | Promise<void>): Promise<void> =>
  withInbox(({ storage }) => work(new TestInbox(storage, bob)));

const page = (test: TestInbox, limit = 100, cursor?: string): NotificationPage =>
  NotificationPage.parse(
    JSON.parse(value(test.inbox.notifications.list({ limit, ...(cursor === undefined ? {} : { cursor }) }))),
  );
const rows = (test: TestInbox): NotificationRow[] => page(test, 1000).items;
/** Rows as words: the id behind that of its subject, and whether it was read. */
const words = (test: TestInbox): string[] =>
  rows(test).map(({ id, read_at }) => `${id.slice(id.indexOf('.') + 1)}${read_at === null ? '' : ' read'}`);

const message = (seq: number, sender_id = ada, chat_id = CHAT) => ({
  chat_id,
  seq,
  ordinal: seq,
  client_id: `c${seq}`,
  sender_id,
  kind: 'text' as const,
  content: 'a secret',
  created_at: new Date(AT + seq).toISOString(),
});
const ref = (seq: number) => ({ seq, actor_id: ada, at: AT + seq, thread_seq: null });
/** What the room tells Bob: `mentioned` are the messages that mention him. */
const group = (head: number, read: number, mentioned: number[] = [], chat_id = CHAT) =>
  notice({ chat_id, head, read, mentioned: mentioned.map(ref), mentions: mentioned.filter((seq) => seq > read) });
const single = (head: number, read: number, chat_id = CHAT): Notice => {
  const told = notice({ chat_id, head, read, last_message: message(head, ada, chat_id) });
  return { ...told, chat: { ...told.chat, type: 'Single', name: null, peer_ids: [ada, bob] } };
};

describe('mentions', () => {
  it('are rows that refer to the message, in every sync, and are read by reading the conversation', () =>
    withBob(async (test) => {
      test.inbox.notify(group(5, 1, [3, 5]));
      expect(rows(test)).toEqual([
        {
          id: `${CHAT}.5`,
          at: new Date(AT + 5).toISOString(),
          read_at: null,
          kind: 'mention',
          chat_id: CHAT,
          seq: 5,
          thread_seq: null,
          actor_id: ada,
        },
        {
          id: `${CHAT}.3`,
          at: new Date(AT + 3).toISOString(),
          read_at: null,
          kind: 'mention',
          chat_id: CHAT,
          seq: 3,
          thread_seq: null,
          actor_id: ada,
        },
      ]);
      expect(page(test).unread).toBe(2);
      const { cursor } = await test.sync();
      test.inbox.notify(group(5, 4, [3, 5]));
      expect(words(test)).toEqual(['5', '3 read']);
      // The other device of the same user.
      const { changes } = await test.sync({ cursor });
      expect(changes.filter(({ type }) => type === 'notification')).toMatchObject([
        { id: `${CHAT}.3`, value: { read_at: expect.any(String) } },
      ]);
      expect(page(test).unread).toBe(1);
    }));

  it('go with the message: recalled, expired or edited it mentions nobody', () =>
    withBob((test) => {
      test.inbox.notify(group(5, 5, [3, 5]));
      test.inbox.notify(group(6, 5, [5]));
      expect(words(test)).toEqual(['5 read']);
      test.inbox.notify(group(7, 5, [3, 5]));
      expect(words(test)).toEqual(['5 read', '3 read']);
    }));

  it('are made where the user wants to hear of them, and go on being marked where they do no more', () =>
    withBob((test) => {
      test.inbox.notify(group(2, 0, [2]));
      test.inbox.prefer(CHAT, { notify: 'mentions' });
      test.inbox.notify(group(3, 0, [2, 3]));
      test.inbox.prefer(CHAT, { muted: true });
      test.inbox.notify(group(4, 2, [2, 3, 4]));
      test.inbox.prefer(CHAT, { muted: false, notify: 'none' });
      test.inbox.notify(group(5, 2, [2, 3, 4, 5]));
      expect(words(test)).toEqual(['3', '2 read']);
    }));

  it('go when the user leaves or is put out, which is told', () =>
    withBob((test) => {
      test.inbox.notify(group(5, 1, [3]));
      const placed = { how: 'removed', by: ada, at: AT + 9 } as const;
      const put = { ...group(9, 1), member: null, gone: 'removed' as const, member_seq: 9, placed };
      test.inbox.notify(put);
      expect(rows(test)).toMatchObject([
        { kind: 'system', event: 'removed', chat_id: CHAT, actor_id: ada, read_at: null },
      ]);
      const other = newId('chat');
      test.inbox.notify(group(5, 1, [3], other));
      test.inbox.notify({ ...group(9, 1, [], other), member: null, gone: 'left', member_seq: 9 });
      expect(rows(test)).toHaveLength(1);
      const third = newId('chat');
      test.inbox.notify(group(5, 1, [3], third));
      test.rooms.look = () => null;
      test.inbox.timeline.markStale(third);
      return test.inbox.look().then(() => expect(rows(test)).toHaveLength(1));
    }));

  it('of another history of the conversation are other ones', () =>
    withBob((test) => {
      test.inbox.notify(group(5, 3, [3]));
      const anew = group(4, 0, [3]);
      const mentioned = [{ ...ref(3), actor_id: cyd, at: AT + 77 }];
      test.inbox.notify({ ...anew, mentioned, chat: { ...anew.chat, epoch: 'other' } });
      expect(rows(test)).toMatchObject([{ actor_id: cyd, read_at: null, at: new Date(AT + 77).toISOString() }]);
    }));
});

describe('a Single', () => {
  it('is one row from the first unread message on, and is renewed when it is unread again', () =>
    withBob((test) => {
      for (const head of [2, 3, 4]) test.inbox.notify(single(head, 1));
      expect(rows(test)).toMatchObject([
        {
          id: `${CHAT}.dm`,
          kind: 'dm',
          chat_id: CHAT,
          actor_id: ada,
          read_at: null,
          at: new Date(AT + 2).toISOString(),
        },
      ]);
      test.inbox.notify(single(4, 4));
      expect(words(test)).toEqual(['dm read']);
      test.inbox.notify(single(6, 4));
      // Some of it is read, and the newest is the same.
      test.inbox.notify(single(6, 5));
      expect(rows(test)).toMatchObject([{ read_at: null, at: new Date(AT + 6).toISOString() }]);
    }));

  it('costs a message no row but the first: neither while the user is away, nor when they read at once', () =>
    withBob(async (test) => {
      let written = 0;
      const { sql } = test.storage;
      const exec = sql.exec.bind(sql);
      const cursors: { readonly rowsWritten: number }[] = [];
      sql.exec = <T extends Record<string, SqlStorageValue>>(query: string, ...bindings: SqlStorageValue[]) => {
        const cursor = exec<T>(query, ...bindings);
        if (query.includes('notifications')) cursors.push(cursor);
        return cursor;
      };
      const cost = () => {
        const now = cursors.reduce((sum, { rowsWritten }) => sum + rowsWritten, 0);
        const spent = now - written;
        written = now;
        return spent;
      };
      test.inbox.notify(single(1, 1));
      // The tables.
      cost();
      test.inbox.notify(single(2, 1));
      expect(cost()).toBe(2);
      for (let head = 3; head < 10; head++) test.inbox.notify(single(head, 1));
      expect(cost()).toBe(0);
      test.inbox.notify(single(9, 9));
      expect(cost()).toBe(2);
      test.connect();
      for (let head = 10; head < 50; head++) {
        test.inbox.notify(single(head, head - 1));
        test.inbox.notify(single(head, head));
      }
      await scheduler.wait(2200);
      expect(cost()).toBe(0);
      expect(words(test)).toEqual(['dm read']);
    }));

  it('that stays unread before a device is notified after a moment, once', () =>
    withBob(async (test) => {
      const device = test.connect();
      test.inbox.notify(single(2, 1));
      test.inbox.notify(single(3, 1));
      expect(rows(test)).toEqual([]);
      const heard = () =>
        device.of('inbox').flatMap(({ changes }) => changes.filter(({ type }) => type === 'notification'));
      await eventually('it is told', () => heard().length > 0, 4000);
      expect(heard()).toMatchObject([{ id: `${CHAT}.dm`, value: { at: new Date(AT + 2).toISOString() } }]);
    }));

  it('that was waiting when the inbox ended is notified when the user looks', () =>
    withBob(async (test) => {
      test.connect();
      test.inbox.notify(single(2, 1));
      test.restart();
      await test.sync();
      expect(words(test)).toEqual(['dm']);
      test.inbox.notifications.remove(`${CHAT}.dm`);
      test.restart();
      await test.sync();
      expect(words(test)).toEqual([]);
    }));

  it('is none where the user wants no more than mentions, and none for what they said themself', () =>
    withBob((test) => {
      test.inbox.notify(single(1, 1));
      test.inbox.prefer(CHAT, { notify: 'mentions' });
      test.inbox.notify(single(2, 1));
      test.inbox.prefer(CHAT, { notify: 'all' });
      test.inbox.notify({ ...single(3, 1), last_message: message(3, bob) });
      expect(rows(test)).toEqual([]);
    }));
});

describe('places', () => {
  const joined = (member_seq: number, chat_id = CHAT) => ({
    ...group(member_seq, member_seq, [], chat_id),
    member_seq,
    placed: { how: 'joined', by: ada, at: AT + member_seq } as const,
  });

  it('that somebody else gave: let in, another role', () =>
    withBob((test) => {
      test.inbox.notify(joined(4));
      test.inbox.notify(joined(4));
      expect(rows(test)).toMatchObject([{ kind: 'invitation', chat_id: CHAT, workspace_id: null, actor_id: ada }]);
      const role = { ...joined(8), placed: { how: 'role', by: cyd, at: AT + 8 } as const };
      test.inbox.notify(role);
      test.inbox.notify(joined(4));
      expect(rows(test)).toMatchObject([{ kind: 'system', event: 'role', role: 'member', actor_id: cyd }]);
    }));

  it('of conversations that the inbox knew before it kept notifications are no news', () =>
    withBob((test) => {
      test.inbox.notify({ ...group(4, 4), member_seq: 4 });
      test.inbox.notify(joined(4));
      expect(rows(test)).toEqual([]);
    }));

  it('that the user has given up are forgotten, whatever comes late', () =>
    withBob((test) => {
      test.inbox.notify(joined(4));
      test.inbox.notify({ ...group(9, 0), member: null, gone: 'left', member_seq: 9 });
      test.inbox.notify(joined(4));
      expect(rows(test)).toEqual([]);
    }));
});

describe('people', () => {
  const asked = (version: number, state: 'received' | 'none'): Item => ({
    kind: 'contact',
    id: ada,
    version,
    value:
      state === 'none'
        ? null
        : {
            user_id: ada,
            state,
            request: { text: 'a secret', source: null, created_at: new Date(AT).toISOString() },
            since: null,
            remark: null,
            group_ids: [],
            blocked: false,
          },
  });
  const accepted = notificationItem(`${ada}.friend`, AT + 5, AT + 5, { kind: 'friend_accepted', actor_id: ada });

  it('who ask are told of until it is settled, in any order', () =>
    withBob((test) => {
      test.inbox.put([asked(2, 'received')]);
      expect(rows(test)).toMatchObject([{ kind: 'friend_request', actor_id: ada }]);
      expect(JSON.stringify(rows(test))).not.toContain('secret');
      test.inbox.put([asked(3, 'none'), asked(2, 'received')]);
      expect(rows(test)).toEqual([]);
    }));

  it('who accept are told of while they are friends', () =>
    withBob((test) => {
      test.inbox.put([accepted]);
      expect(rows(test)).toEqual([]);
      test.inbox.put([asked(2, 'received')]);
      for (let i = 0; i < 2; i++) test.inbox.put([friend(ada, 3, 'x'), accepted]);
      expect(rows(test)).toMatchObject([{ kind: 'friend_accepted', actor_id: ada, read_at: null }]);
      value(test.inbox.notifications.read({ all: true }));
      test.inbox.put([friend(ada, 4, 'y'), accepted]);
      expect(rows(test)).toMatchObject([{ read_at: expect.any(String) }]);
      test.inbox.put([friend(ada, 5, null)]);
      expect(rows(test)).toEqual([]);
    }));
});

describe('a user', () => {
  const fill = (test: TestInbox) => test.inbox.notify(group(9, 0, [2, 4, 6]));

  it('marks one as read, one with all that are older, or all; and it stays so', () =>
    withBob((test) => {
      fill(test);
      value(test.inbox.notifications.read({ id: `${CHAT}.6` }));
      expect(words(test)).toEqual(['6 read', '4', '2']);
      value(test.inbox.notifications.read({ through: `${CHAT}.4` }));
      expect(words(test)).toEqual(['6 read', '4 read', '2 read']);
      test.restart();
      test.inbox.notify(group(10, 0, [2, 4, 6, 10]));
      expect(words(test)).toEqual(['10', '6 read', '4 read', '2 read']);
      value(test.inbox.notifications.read({ all: true }));
      expect(page(test).unread).toBe(0);
      expect(test.inbox.notifications.read({ id: `${CHAT}.7` })).toMatchObject({ refusal: { code: 'not_found' } });
    }));

  it('removes one or all, for good; doing it again is the same', () =>
    withBob(async (test) => {
      fill(test);
      const before = await test.sync();
      for (let i = 0; i < 2; i++) value(test.inbox.notifications.remove(`${CHAT}.4`));
      test.restart();
      fill(test);
      expect(words(test)).toEqual(['6', '2']);
      expect(test.inbox.notifications.remove(`${CHAT}.7`)).toMatchObject({ refusal: { code: 'not_found' } });
      test.inbox.notifications.removeAll();
      test.inbox.notifications.removeAll();
      test.restart();
      fill(test);
      expect(words(test)).toEqual([]);
      // A device that had them all.
      const held = applyChanges(emptyList, { ...before, reset: true }).state;
      expect(itemsOf(held, 'notification').size).toBe(3);
      expect(itemsOf(applyChanges(held, await test.sync({ cursor: before.cursor })).state, 'notification').size).toBe(
        0,
      );
      test.inbox.notify(group(10, 0, [2, 4, 6, 10]));
      expect(words(test)).toEqual(['10']);
    }));

  it('reads them in pages', () =>
    withBob((test) => {
      fill(test);
      const first = page(test, 2);
      const second = page(test, 2, first.next_cursor ?? undefined);
      expect([...first.items, ...second.items].map(({ id }) => id)).toEqual([6, 4, 2].map((seq) => `${CHAT}.${seq}`));
      expect(second.next_cursor).toBeNull();
      expect(test.inbox.notifications.list({ limit: 1, cursor: 'x' })).toMatchObject({ refusal: { code: 'invalid' } });
    }));
});

describe('the newest', () => {
  const device = (n: number): Item =>
    notificationItem(`tsk_${String(n).padStart(26, '0')}.device`, AT + n, AT + n, {
      kind: 'system',
      event: 'new_device',
      chat_id: null,
      workspace_id: null,
      actor_id: null,
      role: null,
      device: null,
    });

  it('are kept, the same ones in whatever order they came, and who has older ones drops them', () =>
    withBob(async (test) => {
      const all = Array.from({ length: LIMITS.notifications + 20 }, (_, n) => device(n + 1));
      test.inbox.put(all.slice(0, 10));
      const early = await test.sync();
      const order = all.map((_, n) => all[(n * 7) % all.length] ?? device(0));
      for (const item of order) test.inbox.put([item]);
      expect(rows(test).map(({ at }) => Date.parse(at))).toEqual(all.slice(20).map((_, n) => AT + all.length - n));
      expect(page(test)).toMatchObject({ unread: LIMITS.notifications, unread_dropped: 20 });
      test.inbox.put(all.slice(0, 10));
      expect(rows(test)).toHaveLength(LIMITS.notifications);
      test.restart();
      const held = applyChanges(emptyList, { ...early, reset: true }).state;
      expect(itemsOf(held, 'notification').size).toBe(10);
      const late = await test.sync({ cursor: early.cursor, limit: 1000 });
      const now = applyChanges(held, late).state;
      const fresh = applyChanges(emptyList, { ...(await test.sync({ limit: 1000 })), reset: true }).state;
      expect(notificationsIn(now)).toEqual(notificationsIn(fresh));
      expect(notificationsIn(now)).toHaveLength(LIMITS.notifications);
      value(test.inbox.notifications.read({ all: true }));
      expect(page(test)).toMatchObject({ unread: 0, unread_dropped: 0 });
    }));

  it('find room in an inbox that was written before there were any', () =>
    withBob(async (test) => {
      migrate(test.storage, INBOX_MIGRATIONS.slice(0, 3));
      test.restart();
      test.inbox.put([device(1)]);
      expect((await test.sync()).changes).toMatchObject([{ type: 'notification' }]);
    }));
});

const step = fc.constantFrom(
  'send',
  'mention',
  'mention',
  'everyone',
  'answer',
  'read',
  'read a little',
  'recall',
  'edit',
  'hide',
  'expire',
  'leave',
  'remove',
  'come back',
  'role',
  'destroy',
);

/** Everything that the room would tell Bob, if it told him after every single thing that happens. */
const history = (type: ChatType, steps: string[]): Promise<Notice[]> =>
  overStorage((storage) => {
    const test = new TestRoom(storage);
    const { conversation } = test;
    const notices: Notice[] = [];
    const mentioning: number[] = [];
    let id = 0;
    const send = (user: string, fields = {}) => {
      const message = { kind: 'text' as const, content: `${id}`, client_id: `c${++id}`, ...fields };
      const sent = conversation.transaction(() => conversation.send(user, message, test.clock.now));
      if (sent.ok && 'mentions' in fields) mentioning.push(sent.value.row.seq);
    };
    const change = (change: { type: 'recall' } | { type: 'edit'; content: string }) => {
      const seq = mentioning[id % Math.max(1, mentioning.length)];
      if (seq !== undefined) conversation.changeMessage(ada, { seq, change }, test.clock.now);
    };
    const read = (seq: number) => {
      const row = conversation.members.current(bob);
      if (row !== undefined) conversation.members.advance(row, { read: seq }, conversation.log.head);
    };
    const acts: Record<string, () => unknown> = {
      send: () => send(ada),
      mention: () => send(ada, { mentions: [bob] }),
      everyone: () => send(ada, { everyone: 'all' }),
      answer: () => send(bob),
      read: () => read(conversation.log.head),
      'read a little': () => read(Math.ceil(conversation.log.head / 2)),
      recall: () => change({ type: 'recall' }),
      edit: () => change({ type: 'edit', content: `edited ${++id}` }),
      expire: () => {
        updateRetention(conversation, ada, { message_timer: 60 });
        send(ada, { mentions: [bob] });
        test.clock.pass(61_000);
        expire(conversation, test.clock.now);
      },
      leave: () => conversation.membership.remove(bob, bob),
      remove: () => conversation.membership.remove(ada, bob),
      'come back': () => conversation.membership.add(ada, [bob]),
      role: () => setMember(conversation, ada, bob, { role: id++ % 2 === 0 ? 'admin' : 'member' }),
      destroy: () => conversation.membership.destroy(ada),
    };
    test.create([ada, bob], { type });
    for (const name of ['', ...steps]) {
      test.clock.pass(1000);
      acts[name]?.();
      const told = conversation.notice(bob);
      if (told !== null) notices.push(structuredClone(told));
    }
    return notices;
  });

/** What a device holds after it has asked for what changed. */
function pull(test: TestInbox, held: ListState): ListState {
  const { timeline } = test.inbox;
  const { changes } = timeline.page(timeline.positionOf(held.cursor ?? '') ?? 0, 1000);
  const cursor = timeline.cursorAt(timeline.pos);
  return applyChanges(held, { changes: changes.map((change) => Change.parse(JSON.parse(change))), cursor }).state;
}
const notificationsIn = (held: ListState): NotificationRow[] =>
  [...itemsOf(held, 'notification').values()].sort((a, b) => (a.id < b.id ? -1 : 1));

describe('told by rooms', () => {
  it.each<ChatType>(['Group', 'Single'])('in any order, any of it any number of times, they end the same: %s', (type) =>
    fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 14 }), fc.infiniteStream(fc.nat()), async (steps, numbers) => {
        const notices = await history(type, steps);
        const random = () => numbers.next().value ?? 0;
        const shuffled = [...notices, ...notices.filter(() => random() % 2 === 0)]
          .map((told) => ({ told, key: random() }))
          .sort((a, b) => a.key - b.key)
          .map(({ told }) => told);
        const ending = async (told: Notice[]) => {
          let ended: NotificationRow[] = [];
          await withBob((test) => {
            test.clock.now = AT;
            // A device that hears of every change holds what one that comes later gets.
            let held = emptyList;
            for (const one of told) {
              test.inbox.notify(structuredClone(one));
              held = pull(test, held);
            }
            expect(notificationsIn(held)).toEqual(notificationsIn(pull(test, emptyList)));
            ended = rows(test);
          });
          return ended;
        };
        expect(await ending(shuffled)).toEqual(await ending(notices));
      }),
      { numRuns: 60 },
    ),
  );
});

it('an inbox that is evicted keeps them, and both devices hear of them and of what was read', async () => {
  const owner = newUser();
  const phone = await inboxSocket(identity(owner));
  const { cursor } = await phone.next('inbox');
  const told = { ...group(5, 1, [3]), placed: { how: 'joined', by: ada, at: AT } as const };
  await inboxOf(owner).notify(told);
  await phone.next('inbox', ({ changes }) => changes.some(({ type }) => type === 'notification'));
  await evictDurableObject(inboxOf(owner), { webSockets: 'close' });
  const [one, other] = [await inboxSocket(identity(owner), cursor), await inboxSocket(identity(owner), cursor)];
  for (const device of [one, other]) {
    const { changes } = await device.next('inbox');
    expect(changes.filter(({ type }) => type === 'notification')).toHaveLength(2);
  }
  value(await inboxOf(owner).readNotifications({ all: true }));
  const { changes } = await other.next('inbox', (frame) => frame.changes.length > 0);
  expect(changes).toMatchObject([
    { value: { read_at: expect.any(String) } },
    { value: { read_at: expect.any(String) } },
  ]);
});
