import { describe, expect, it } from 'vitest';
import type { CatchUp } from '../../src/conversation/api.ts';
import { newId } from '../../src/ids.ts';
import { LIMITS } from '../../src/protocol/limits.ts';
import { notice, type TestInbox, withInbox } from '../support/inbox.ts';
import { newUser } from '../support/objects.ts';

const actor = newUser();
const created_at = new Date(0).toISOString();
/** What a room has behind `after`: events with texts of `size` characters, as many as fit into `bytes`. */
const behind = (head: number, after: number, bytes: number, size = 0): CatchUp => {
  const events: string[] = [];
  let length = 0;
  for (let seq = after + 1; seq <= head && (events.length === 0 || length < bytes); seq++) {
    const event = JSON.stringify({ seq, type: 'chat.updated', actor_id: actor, created_at, name: 'x'.repeat(size) });
    length += event.length;
    events.push(event);
  }
  const has_more = after + events.length < head;
  return { head: JSON.stringify({ epoch: 'e', head_seq: head, has_more }), events: `[${events.join(',')}]` };
};

const chatsOf = (test: TestInbox, count: number, head: number) => {
  const ids = Array.from({ length: count }, () => newId('chat'));
  for (const chat_id of ids) test.inbox.notify(notice({ chat_id, head }));
  return ids;
};

describe('catching up many conversations in one round trip', () => {
  it('brings what each lacks, and calls no room that has nothing to give', async () => {
    await withInbox(async (test) => {
      const [behindOne = '', upToDate = '', ahead = ''] = chatsOf(test, 3, 5);
      const unknown = newId('chat');
      test.rooms.catchUp = (_chat, { after, bytes }) => behind(5, after, bytes);
      const answer = await test.sync({ chats: { [behindOne]: 2, [upToDate]: 5, [unknown]: 1 } });
      expect(answer.events?.[behindOne]?.map((event) => event.seq)).toEqual([3, 4, 5]);
      expect(answer.heads?.[behindOne]).toEqual({ epoch: 'e', head_seq: 5, has_more: false });
      expect(Object.keys(answer.events ?? {})).toEqual([behindOne]);
      expect(test.rooms.count('catchUp')).toBe(1);
      // A device may be ahead of the inbox: the room says what there is.
      await test.sync({ chats: { [ahead]: 6 } });
      expect(test.rooms.count('catchUp', ahead)).toBe(1);
    });
  });

  it('with nothing asked for calls no room, however many conversations there are', async () => {
    await withInbox(async (test) => {
      const ids = chatsOf(test, 300, 5);
      const { cursor } = await test.sync({ limit: 1000 });
      const answer = await test.sync({ cursor, chats: Object.fromEntries(ids.map((id) => [id, 5])) });
      expect(answer).toMatchObject({ changes: [], events: {}, heads: {} });
      expect(test.rooms.calls).toEqual([]);
    });
  });

  it('stays within its budget; what did not fit is named and comes with the next rounds', async () => {
    await withInbox(async (test) => {
      const ids = chatsOf(test, 200, 40);
      test.rooms.catchUp = (_chat, { after, bytes }) => behind(40, after, bytes, 2000);
      const held = Object.fromEntries(ids.map((id) => [id, 0]));
      let rounds = 0;
      for (let left = ids.length; left > 0; rounds++) {
        if (rounds > 30) throw new Error('it does not end');
        const lacking = Object.fromEntries(Object.entries(held).filter(([, seq]) => seq < 40));
        const answer = await test.sync({ chats: lacking });
        expect(JSON.stringify(answer.events).length).toBeLessThan(LIMITS.syncBytes * 1.01);
        expect(new Set([...Object.keys(answer.events ?? {}), ...(answer.unreached ?? [])])).toEqual(
          new Set(Object.keys(lacking)),
        );
        for (const [id, events] of Object.entries(answer.events ?? {})) {
          expect(events[0]?.seq).toBe((held[id] ?? 0) + 1);
          held[id] = events.at(-1)?.seq ?? 0;
          expect(answer.heads?.[id]?.has_more).toBe(held[id] < 40);
        }
        left = Object.values(held).filter((seq) => seq < 40).length;
      }
      expect(rounds).toBeGreaterThan(5);
    });
  });

  it('a room that fails or refuses takes no other down', async () => {
    await withInbox(async (test) => {
      const [bad = '', good = ''] = chatsOf(test, 2, 5);
      test.rooms.catchUp = (chatId, { after, bytes }) => {
        if (chatId === bad) throw new Error('unreachable');
        return behind(5, after, bytes);
      };
      const answer = await test.sync({ chats: { [bad]: 0, [good]: 0 } });
      expect(answer.unreached).toEqual([bad]);
      expect(answer.events?.[good]).toHaveLength(5);
    });
  });

  it('a room that does not answer is named as unreached after five seconds', async () => {
    await withInbox(async (test) => {
      const [bad = '', good = ''] = chatsOf(test, 2, 5);
      test.rooms.catchUp = (chatId, { after, bytes }) =>
        chatId === bad ? new Promise(() => undefined) : behind(5, after, bytes);
      const answer = await test.sync({ chats: { [bad]: 0, [good]: 0 } });
      expect(answer.unreached).toEqual([bad]);
      expect(answer.events?.[good]).toHaveLength(5);
    });
  });

  it('a conversation that the user has left is not asked for', async () => {
    await withInbox(async (test) => {
      const [chat_id = ''] = chatsOf(test, 1, 5);
      test.inbox.notify(notice({ chat_id, head: 6, member_seq: 6, gone: 'removed' }));
      const answer = await test.sync({ chats: { [chat_id]: 2 } });
      expect(answer.events).toEqual({});
      expect(test.rooms.calls).toEqual([]);
    });
  });
});
