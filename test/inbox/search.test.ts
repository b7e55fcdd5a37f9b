import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FoundPage } from '../../src/conversation/find.ts';
import { newId } from '../../src/ids.ts';
import { refuse } from '../../src/protocol/errors.ts';
import { LIMITS } from '../../src/protocol/limits.ts';
import { notice, type TestInbox, withInbox } from '../support/inbox.ts';
import { codeOf, value } from '../support/objects.ts';

const chatsOf = (test: TestInbox, count: number) => {
  const ids = Array.from({ length: count }, () => newId('chat'));
  for (const chat_id of ids) test.inbox.notify(notice({ chat_id, head: 5 }));
  return ids;
};
interface Answer {
  items: { chat: string; seq: number }[];
  next_cursor: string | null;
  complete: boolean;
  unreached: string[];
}
async function search(
  test: TestInbox,
  fields: { cursor?: string; limit?: number; chats?: string[] } = {},
): Promise<Answer> {
  return JSON.parse(value(await test.inbox.search({ q: 'x', limit: 50, ...fields })));
}
const hitOf = (chat: string, seq: number, at: number) => ({ at, seq, hit: JSON.stringify({ chat, seq }) });
const found = (items: FoundPage['items'] = [], fields: Partial<FoundPage> = {}) => ({
  ok: true as const,
  value: { items, next: null, complete: true, ...fields },
});

describe('a search across conversations', () => {
  it('says which ones it could not reach: those that fail, and those that take longer than two seconds', async () => {
    await withInbox(async (test) => {
      const [good = '', bad = '', slow = ''] = chatsOf(test, 3);
      test.rooms.search = async (chat) => {
        if (chat === bad) throw new Error('unreachable');
        if (chat === slow) return new Promise(() => undefined);
        return found([hitOf(chat, 2, 1)]);
      };
      const answer = await search(test);
      expect(answer.items).toEqual([{ chat: good, seq: 2 }]);
      expect(answer.unreached.toSorted()).toEqual([bad, slow].toSorted());
      // Asked for by name, when they are there again, they answer.
      test.rooms.search = async (chat) => found([hitOf(chat, 3, 1)]);
      const again = [...answer.unreached, ...answer.unreached];
      expect((await search(test, { chats: again })).items).toHaveLength(2);
    });
  });

  it('asks the latest two hundred, and names the next one', async () => {
    await withInbox(async (test) => {
      const ids = chatsOf(test, LIMITS.searchChats + 1);
      test.rooms.search = async () => found();
      const { unreached } = await search(test);
      expect(unreached).toHaveLength(1);
      expect(ids).toContain(unreached[0]);
      expect(test.rooms.count('search')).toBe(LIMITS.searchChats);
      expect(test.rooms.count('search', unreached[0])).toBe(0);
    });
  });

  it('is complete when all rooms have read everything in; one that lets nobody in is no hindrance', async () => {
    await withInbox(async (test) => {
      const [first = '', second = ''] = chatsOf(test, 2);
      test.rooms.search = async (chat) => found([], { complete: chat === first });
      expect(await search(test)).toMatchObject({ complete: false, unreached: [] });
      test.rooms.search = async (chat) => (chat === second ? refuse('not_found', 'gone') : found());
      expect(await search(test)).toMatchObject({ items: [], complete: true, unreached: [] });
      expect(codeOf(await test.inbox.search({ q: 'x', limit: 1, cursor: '1.chat.2' }))).toBe('invalid');
    });
  });

  it('pages bring every match once, the newest first, also those of the same millisecond', async () => {
    const rooms = fc.array(fc.array(fc.nat(6), { maxLength: 12 }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(rooms, fc.integer({ min: 1, max: 7 }), async (times, limit) => {
        await withInbox(async (test) => {
          const ids = chatsOf(test, times.length);
          // Times of a log ascend.
          const logs = new Map(ids.map((id, index) => [id, (times[index] ?? []).toSorted((a, b) => a - b)]));
          test.rooms.search = async (chat, _user, page) => {
            const matches = (logs.get(chat) ?? [])
              .map((at, index) => hitOf(chat, index + 1, at))
              .filter(({ at, seq }) => at < (page.until ?? Infinity) && seq < (page.before ?? Infinity))
              .reverse();
            const items = matches.slice(0, page.limit);
            return found(items, { next: matches.length > items.length ? `n.${items.at(-1)?.seq}` : null });
          };
          const seen: string[] = [];
          let cursor: string | undefined;
          for (let pages = 0; pages < 60; pages++) {
            const page = await search(test, { limit, ...(cursor === undefined ? {} : { cursor }) });
            expect(page.items.length).toBeLessThanOrEqual(limit);
            seen.push(...page.items.map(({ chat, seq }) => `${logs.get(chat)?.[seq - 1]} ${chat} ${seq}`));
            if (page.next_cursor === null) break;
            cursor = page.next_cursor;
          }
          const all = [...logs].flatMap(([chat, log]) => log.map((at, index) => `${at} ${chat} ${index + 1}`));
          expect(seen.toSorted()).toEqual(all.toSorted());
          const ats = seen.map((one) => Number(one.split(' ')[0]));
          expect(ats).toEqual(ats.toSorted((a, b) => b - a));
        });
      }),
      { numRuns: 40 },
    );
  });
});
