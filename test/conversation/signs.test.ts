import { describe, expect, it } from 'vitest';
import { readersOf } from '../../src/conversation/readers.ts';
import { merge, withPreferences } from '../../src/inbox/rows.ts';
import { notice } from '../support/inbox.ts';
import { codeOf, newUser, newUsers, overStorage, value } from '../support/objects.ts';
import { TestRoom } from '../support/room.ts';

const [ada, bob, cyd] = [newUser(), newUser(), newUser()];
const inRoom = <T>(work: (test: TestRoom) => Promise<T>, members = [ada, bob, cyd]): Promise<T> =>
  overStorage((storage) => {
    const test = new TestRoom(storage);
    test.create(members);
    return work(test);
  });
const readers = (test: TestRoom, user: string, seq: number, after = '', limit = 100) => {
  const actor = test.conversation.actor(user);
  return actor.ok ? readersOf(test.conversation, actor.value, seq, after, limit) : actor;
};

describe('who has read a message', () => {
  it('is whoever has read as far, but for its sender and who came later', async () => {
    await inRoom(async (test) => {
      const seq = await test.sent(ada);
      const later = await test.sent(ada);
      test.clock.pass(1000);
      test.publish(test.conversation.membership.add(ada, [newUser()]));
      expect(value(readers(test, ada, seq))).toEqual({ items: [], next_cursor: null });
      test.room.mark({ user: bob, read: seq });
      expect(value(readers(test, cyd, seq)).items).toEqual([{ user_id: bob, read_seq: seq }]);
      expect(value(readers(test, cyd, later)).items).toEqual([]);
      test.restart();
      expect(value(readers(test, cyd, seq)).items.map(({ user_id }) => user_id)).toEqual([bob]);
    });
  });

  it('is read by page, and only of messages that the asker may see', async () => {
    const others = newUsers(30);
    await inRoom(
      async (test) => {
        const seq = await test.sent(ada);
        for (const user of others) test.room.mark({ user, read: seq });
        await test.inboxes.settled();
        const found: string[] = [];
        for (let after = '', more = true; more; ) {
          const page = value(readers(test, ada, seq, after, 7));
          expect(page.items.length).toBeLessThanOrEqual(7);
          found.push(...page.items.map(({ user_id }) => user_id));
          after = page.next_cursor ?? '';
          more = page.next_cursor !== null;
        }
        expect(found).toEqual(others.toSorted());
        expect(codeOf(readers(test, ada, 1))).toBe('not_found');
        expect(codeOf(readers(test, newUser(), seq))).toBe('not_found');
      },
      [ada, ...others],
    );
  });
});

describe('receipts', () => {
  it('of a room of 200 who read 100 messages one by one are a few messages to each socket, not 20,000', async () => {
    const members = newUsers(200);
    const [sender = ''] = members;
    await inRoom(async (test) => {
      for (let i = 0; i < 100; i++) await test.sent(sender, `${i}`);
      const head = test.conversation.log.head;
      const told: string[] = [];
      const { connections } = test.room;
      const signal = connections.signal.bind(connections);
      connections.signal = (text, ...rest) => {
        told.push(text);
        signal(text, ...rest);
      };
      for (let seq = head - 99; seq <= head; seq++) {
        for (const user of members) test.room.mark({ user, read: seq });
        if (seq % 10 === 0) await scheduler.wait(1);
      }
      await test.inboxes.settled();
      const receipts = told.flatMap((text): unknown[] => [JSON.parse(text)].flat());
      expect(told.length).toBeLessThanOrEqual(20);
      expect(receipts.length).toBeLessThanOrEqual(20 * 200);
      expect(value(readers(test, sender, head, '', 500)).items.length).toBe(199);
    }, members);
  });
});

describe('typing', () => {
  const typed = (test: TestRoom, user: string): unknown[] =>
    (test.inboxes.signals.get(user) ?? []).filter((text) => text.includes('"typing"')).map((text) => JSON.parse(text));
  const start = { t: 'typing', user_id: bob };
  const stop = { ...start, stop: true };

  it('stops once for each start, and a stop is no leave to start sooner', async () => {
    await inRoom(async (test) => {
      test.inboxes.devices.set(ada, 1);
      await test.sent(ada);
      await test.ringUntilQuiet();
      test.room.typing(bob, true);
      test.room.typing(bob);
      test.room.typing(bob, true);
      test.room.typing(bob, true);
      test.room.typing(bob);
      test.clock.pass(3000);
      test.room.typing(bob);
      await test.inboxes.settled();
      expect(typed(test, ada)).toMatchObject([start, stop, start]);
      // A clock that is set back keeps nobody silent.
      test.clock.now -= 3_600_000;
      for (let i = 0; i < 100; i++) test.room.typing(bob, i % 2 === 0);
      await test.inboxes.settled();
      expect(typed(test, ada)).toMatchObject([start, stop, start, stop]);
      test.clock.pass(3000);
      test.room.typing(bob);
      await test.inboxes.settled();
      expect(typed(test, ada)).toMatchObject([start, stop, start, stop, start]);
    });
  });
});

describe('a conversation that is marked as unread', () => {
  const marked = (head: number, read: number) => {
    const chat_id = notice({ head }).chat.id;
    const row = merge(undefined, notice({ chat_id, head, read }), false);
    return { chat_id, row: withPreferences(row, { marked_unread: true }) };
  };
  it('stays so while news come, and not when its reader reads on, whatever the order', () => {
    const { chat_id, row } = marked(5, 5);
    expect(row.item?.marked_unread).toBe(true);
    const news = merge(row, notice({ chat_id, head: 6, read: 5 }), false);
    expect(news.item?.marked_unread).toBe(true);
    const read = merge(news, notice({ chat_id, head: 6, read: 6 }), false);
    expect(read.item?.marked_unread).toBe(false);
    expect(merge(read, notice({ chat_id, head: 6, read: 5 }), false).item?.marked_unread).toBe(false);
    expect(withPreferences(row, { marked_unread: false }).item?.marked_unread).toBe(false);
  });
});
