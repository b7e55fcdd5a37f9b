import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newId } from '../../src/ids.ts';
import { utf8Length } from '../../src/protocol/common.ts';
import { LIMITS } from '../../src/protocol/limits.ts';
import type { Message } from '../../src/protocol/messages.ts';
import { notice, rowOf, type TestInbox, withInbox } from '../support/inbox.ts';
import { newUser, value } from '../support/objects.ts';

const CONTENT = '世'.repeat(10_000);
const message = (chat_id: string, content: string): Message => ({
  chat_id,
  seq: 1,
  ordinal: 1,
  client_id: 'c',
  sender_id: newUser(),
  kind: 'text',
  content,
  created_at: new Date(0).toISOString(),
});
/** Conversations whose rows are long, or not, and drafts among them. */
function fill(test: TestInbox, rows: ('chat' | 'long' | 'draft')[]): string[] {
  const known = newId('chat');
  test.inbox.notify(notice({ chat_id: known }));
  return [
    known,
    ...rows.map((row, thread_seq) => {
      if (row === 'draft') {
        value(
          test.inbox.keep({ kind: 'draft', chat_id: known, draft: { content: CONTENT, thread_seq: thread_seq + 1 } }),
        );
        return `${known}/${thread_seq + 1}`;
      }
      const chat_id = newId('chat');
      test.inbox.notify(notice({ chat_id, last_message: message(chat_id, row === 'long' ? CONTENT : 'hello') }));
      return chat_id;
    }),
  ];
}
const rows = fc.array(fc.constantFrom('chat' as const, 'long' as const, 'draft' as const), {
  minLength: 100,
  maxLength: 150,
});

/** Rows that a sync brings after a cursor, over all its pages. */
async function after(test: TestInbox, from?: string): Promise<string[]> {
  const got: string[] = [];
  for (let cursor = from, more = true; more; ) {
    const page = await test.sync({ limit: 1000, ...(cursor === undefined ? {} : { cursor }) });
    got.push(...page.changes.map(rowOf));
    cursor = page.cursor;
    more = page.has_more;
  }
  return got;
}

describe('pages of long rows stay below their bytes, and are everything together', () => {
  it('of a sync', async () => {
    await fc.assert(
      fc.asyncProperty(rows, fc.integer({ min: 1, max: LIMITS.syncPageMax }), (list, limit) =>
        withInbox(async (test) => {
          const ids = fill(test, list);
          const got: string[] = [];
          for (let cursor: string | undefined, more = true; more; ) {
            const page = await test.sync({ limit, ...(cursor === undefined ? {} : { cursor }) });
            expect(utf8Length(JSON.stringify(page.changes))).toBeLessThanOrEqual(LIMITS.pageBytes);
            expect(page.changes.length).toBeGreaterThan(0);
            got.push(...page.changes.map(rowOf));
            cursor = page.cursor;
            more = page.has_more;
          }
          expect(got).toEqual(ids);
        }),
      ),
      { numRuns: 3, endOnFailure: true },
    );
  });

  it('of the list of conversations', async () => {
    await withInbox(async (test) => {
      const ids = fill(
        test,
        Array.from({ length: 150 }, () => 'long'),
      );
      const got: string[] = [];
      for (let cursor: string | null | undefined; cursor !== null; ) {
        const text = value(await test.inbox.list({ limit: 500, ...(cursor === undefined ? {} : { cursor }) }));
        expect(utf8Length(text)).toBeLessThanOrEqual(LIMITS.pageBytes + 1024);
        const page: { items: { id: string }[]; next_cursor: string | null } = JSON.parse(text);
        got.push(...page.items.map(({ id }) => id));
        cursor = page.next_cursor;
      }
      expect(got.toSorted()).toEqual(ids.toSorted());
    });
  });

  it('of what a device gets on its socket: when it comes, and when much changes at once', async () => {
    await withInbox(async (test) => {
      const ids = fill(
        test,
        Array.from({ length: 100 }, () => 'long'),
      );
      const device = test.connect('new.0');
      const sizes: number[] = [];
      const { device: socket } = device;
      const send = socket.send.bind(socket);
      socket.send = (text) => {
        sizes.push(utf8Length(text));
        send(text);
      };
      await test.settled();
      await scheduler.wait(20);
      expect(device.of('inbox').length).toBeGreaterThan(1);
      expect(device.of('inbox').flatMap(({ changes }) => changes.map(rowOf))).toEqual(ids);
      const cursor = device.of('inbox').at(-1)?.cursor;
      device.frames.length = 0;
      // All at once: what gathers while a frame is on its way goes with the next one.
      for (const chat_id of ids) {
        test.inbox.notify(notice({ chat_id, head: 2, messages: 2, last_message: message(chat_id, `${CONTENT}!`) }));
      }
      await test.settled();
      await scheduler.wait(20);
      const frames = device.of('inbox');
      expect(new Set(frames.flatMap(({ changes }) => changes.map(rowOf)))).toEqual(new Set(ids));
      expect(Math.max(...sizes)).toBeLessThanOrEqual(LIMITS.serverMessageBytes);
      // Whoever loses the connection between two of the frames loses nothing: a cursor is beyond no row that is still to come.
      for (const [index, frame] of frames.entries()) {
        const held = new Set(frames.slice(0, index + 1).flatMap(({ changes }) => changes.map(rowOf)));
        for (const id of await after(test, frame.cursor)) held.add(id);
        expect(ids.filter((id) => !held.has(id))).toEqual([]);
      }
      expect(frames.at(-1)?.cursor).not.toBe(cursor);
    });
  });
});

it('a search across conversations: pages below their bytes, nothing left out or shown twice, in order', async () => {
  await withInbox(async (test) => {
    const chats = Array.from({ length: 40 }, () => newId('chat'));
    for (const chat_id of chats) test.inbox.notify(notice({ chat_id, head: 10 }));
    // Each has ten hits of 30 KB, at times that interleave; a room gives no more bytes than it is asked for.
    test.rooms.search = async (chat, _user, { limit, before = 11, until = Infinity, bytes = Infinity }) => {
      const text = 'x'.repeat(30_000);
      const hits = Array.from({ length: 10 }, (_, index) => 10 - index)
        .map((seq) => ({ at: seq * 100 + chats.indexOf(chat), seq }))
        .filter(({ at, seq }) => seq < before && at < until);
      const most = Math.max(1, Math.min(limit, Math.floor(bytes / 30_100)));
      const items = hits
        .slice(0, most)
        .map((place) => ({ ...place, hit: JSON.stringify({ chat, seq: place.seq, text }) }));
      return { ok: true, value: { items, next: hits.length > most ? 'more' : null, complete: true } };
    };
    const got: { chat: string; seq: number }[] = [];
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const request = { q: 'x', limit: 500, ...(cursor === undefined ? {} : { cursor }) };
      const text = value(await test.inbox.search(request));
      expect(utf8Length(text)).toBeLessThanOrEqual(LIMITS.pageBytes + 4096);
      const page: { items: { chat: string; seq: number }[]; next_cursor: string | null } = JSON.parse(text);
      expect(page.items.length).toBeGreaterThan(0);
      got.push(...page.items);
      cursor = page.next_cursor;
    }
    const order = got.map(({ chat, seq }) => seq * 100 + chats.indexOf(chat));
    expect(order).toEqual(order.toSorted((a, b) => b - a));
    expect(new Set(order).size).toBe(40 * 10);
    expect(got).toHaveLength(40 * 10);
  });
});
