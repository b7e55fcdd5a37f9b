import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventJson, holesBefore, Log, messageJson, messageOf, type NewEvent } from '../../src/conversation/log.ts';
import { RareTables } from '../../src/conversation/rare.ts';
import { CONVERSATION_MIGRATIONS } from '../../src/conversation/schema.ts';
import { newId } from '../../src/ids.ts';
import { ChatEvent } from '../../src/protocol/events.ts';
import { Message } from '../../src/protocol/messages.ts';
import { migrate } from '../../src/storage/migrate.ts';
import { newUser, newUsers, overStorage } from '../support/objects.ts';

const overLog = <T>(work: (log: Log, storage: DurableObjectStorage) => T): Promise<T> =>
  overStorage((storage) => {
    migrate(storage, CONVERSATION_MIGRATIONS);
    return work(new Log(storage.sql, new RareTables(storage.sql)), storage);
  });

const ada = newUser();
const message = (clientId: string, content = 'hello', actor = ada): NewEvent => ({
  type: 'message',
  actor_id: actor,
  created_at: Date.UTC(2026, 10, 21),
  client_id: clientId,
  kind: 'text',
  content,
  extra: null,
});
const renamed: NewEvent = {
  ...message(''),
  type: 'chat.updated',
  client_id: null,
  kind: null,
  content: null,
  extra: '{"name":"x"}',
};

describe('append', () => {
  it('gives out 1, 2, 3 … without holes, and an ordinal to messages only', async () => {
    const rows = await overLog((log) =>
      [message('a'), renamed, message('b'), renamed].map((event) => log.append(event)),
    );
    expect(rows.map((row) => [row?.seq, row?.ordinal])).toEqual([
      [1, 1],
      [2, 1],
      [3, 2],
      [4, 2],
    ]);
  });

  it('answers a (sender, client_id) that stands in the log with null and burns no seq', async () => {
    const seqs = await overLog((log) => {
      log.append(message('a'));
      const again = log.append(message('a', 'something else'));
      return [again, log.head, log.append(message('b'))?.seq];
    });
    expect(seqs).toEqual([null, 1, 2]);
  });

  it('knows client_ids by sender: two people may choose the same one', async () => {
    const bob = newUser();
    expect(await overLog((log) => [log.append(message('a'))?.seq, log.append(message('a', 'hi', bob))?.seq])).toEqual([
      1, 2,
    ]);
  });

  it('is contiguous and finds every duplicate, whatever is sent in whatever order', async () => {
    const users = newUsers(3);
    const sends = fc.array(fc.tuple(fc.nat(2), fc.nat(8), fc.boolean()), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(sends, async (list) => {
        const { seqs, head, messages } = await overLog((log) => {
          const taken = list.map(([user, id, isMessage]) =>
            log.append(isMessage ? message(`c${id}`, 'x', users[user]) : renamed),
          );
          return { seqs: taken.flatMap((row) => row?.seq ?? []), head: log.head, messages: log.messages };
        });
        const distinct = new Set(list.filter(([, , isMessage]) => isMessage).map(([user, id]) => `${user} ${id}`));
        const others = list.filter(([, , isMessage]) => !isMessage).length;
        expect(seqs).toEqual(seqs.map((_, i) => i + 1));
        expect([head, messages]).toEqual([distinct.size + others, distinct.size]);
      }),
      { numRuns: 40 },
    );
  });

  it('a transaction that was rolled back leaves nothing: after reload the same seq is given out again', async () => {
    const seqs = await overLog((log, storage) => {
      log.append(message('a'));
      try {
        storage.transactionSync(() => {
          log.append(message('b'));
          throw new Error('no');
        });
      } catch {
        log.reload();
      }
      return [log.head, log.messages, log.append(message('c'))?.seq];
    });
    expect(seqs).toEqual([1, 1, 2]);
  });
});

describe('reading', () => {
  it('goes on behind a seq, by rows and by bytes, and gives at least one row', async () => {
    const pages = await overLog((log) => {
      for (let i = 1; i <= 10; i++) log.append(message(`c${i}`, 'x'.repeat(1000)));
      const seqs = (page: { rows: { seq: number }[]; hasMore: boolean }) => [
        page.rows.map((row) => row.seq),
        page.hasMore,
      ];
      return [
        seqs(log.after(0, 4)),
        seqs(log.after(8, 4)),
        seqs(log.after(10, 4)),
        seqs(log.after(0, 99, 2700)),
        seqs(log.after(3, 99, 1)),
      ];
    });
    expect(pages).toEqual([
      [[1, 2, 3, 4], true],
      [[9, 10], false],
      [[], false],
      [[1, 2], true],
      [[4], true],
    ]);
  });

  it('the newest rows end at the head, within rows and within bytes', async () => {
    const pages = await overLog((log) => {
      for (let i = 1; i <= 10; i++) log.append(message(`c${i}`, 'x'.repeat(1000)));
      const seqs = (rows: { seq: number }[]) => rows.map((row) => row.seq);
      return [
        seqs(log.newest(1, 3, 1e6)),
        seqs(log.newest(9, 30, 1e6)),
        seqs(log.newest(1, 30, 2700)),
        seqs(log.newest(1, 30, 1)),
      ];
    });
    expect(pages).toEqual([[8, 9, 10], [9, 10], [9, 10], [10]]);
  });

  it('counts messages at or before a seq', async () => {
    const counts = await overLog((log) => {
      for (const event of [renamed, message('a'), renamed, message('b')]) log.append(event);
      return [0, 1, 2, 3, 4, 5].map((seq) => log.messagesUpTo(seq));
    });
    expect(counts).toEqual([0, 0, 1, 1, 2, 2]);
  });

  it('pages through messages in both directions', async () => {
    const pages = await overLog((log) => {
      for (let i = 1; i <= 5; i++) {
        log.append(message(`c${i}`));
        log.append(renamed);
      }
      const page = (from: number, which: { before?: number; after?: number; limit: number }) => {
        const { rows, hasMore } = log.messagePage(from, which);
        return [rows.map((row) => row.seq), hasMore];
      };
      return [
        page(1, { limit: 2 }),
        page(1, { limit: 2, before: 7 }),
        page(1, { limit: 2, before: 3 }),
        page(1, { limit: 2, after: 3 }),
        page(1, { limit: 9, after: 3 }),
        page(4, { limit: 9 }),
        page(4, { limit: 9, after: 0 }),
      ];
    });
    expect(pages).toEqual([
      [[7, 9], true],
      [[3, 5], true],
      [[1], false],
      [[5, 7], true],
      [[5, 7, 9], false],
      [[5, 7, 9], false],
      [[5, 7, 9], false],
    ]);
  });

  it('a page of long messages is shorter than asked and says that there is more', async () => {
    const pages = await overLog((log) => {
      for (let i = 1; i <= 200; i++) log.append(message(`c${i}`, 'x'.repeat(32 * 1024)));
      const newest = log.messagePage(1, { limit: 200 });
      const oldest = log.messagePage(1, { after: 0, limit: 200 });
      return [newest, oldest].map(({ rows, hasMore }) => ({
        rows: rows.length,
        hasMore,
        first: rows[0]?.seq,
        last: rows.at(-1)?.seq,
      }));
    });
    const [newest, oldest] = pages;
    expect(newest).toMatchObject({ hasMore: true, last: 200 });
    expect(oldest).toMatchObject({ hasMore: true, first: 1 });
    for (const page of pages) expect(page.rows).toBeLessThan(80);
  });
});

describe('what is written is what is read', () => {
  const text = fc.oneof(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 200 }),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 200 }).filter((value) => value.isWellFormed()),
    fc.constantFrom(
      '\u0000',
      'a\u0000b',
      '\u202eevil',
      'x\u200by',
      '👩‍👩‍👧‍👦',
      '\u2028\u2029',
      '"}],"t":"x',
      '\\',
      '\ufeff',
      '\uffff',
    ),
  );

  it('byte for byte, in storage, as an event, as a message and as a value', async () => {
    await overLog((log) => {
      let id = 0;
      fc.assert(
        fc.property(text, fc.option(fc.integer({ min: 1, max: 2 ** 52 })), (content, reply_to) => {
          const extra = reply_to === null ? null : JSON.stringify({ reply_to });
          log.append({ ...message(`c${++id}`, content), extra });
          const row = log.at(log.head);
          if (row === undefined) throw new Error('the row that was appended is not there');
          const chatId = newId('chat');
          const event = ChatEvent.parse(JSON.parse(eventJson(row)));
          expect(event).toMatchObject({ content, seq: log.head, ...(reply_to === null ? {} : { reply_to }) });
          const read = Message.parse(JSON.parse(messageJson(chatId, row)));
          expect(JSON.stringify(messageOf(chatId, row))).toBe(JSON.stringify(read));
          expect(read.content).toBe(content);
        }),
        { numRuns: 300 },
      );
    });
  });

  it('times and numbers beyond 32 bits', async () => {
    const row = await overLog((log) => {
      log.append({ ...message('a'), created_at: Date.UTC(2110, 0, 1) + 7 });
      return log.at(1);
    });
    expect(row?.created_at).toBe(Date.UTC(2110, 0, 1) + 7);
  });
});

it('what lies before the first visible seq is a hole with a reason', () => {
  expect(holesBefore(0, 1)).toEqual([]);
  expect(holesBefore(0, 5)).toEqual([{ from_seq: 1, to_seq: 4, reason: 'before_join' }]);
  expect(holesBefore(2, 5)).toEqual([{ from_seq: 3, to_seq: 4, reason: 'before_join' }]);
  expect(holesBefore(4, 5)).toEqual([]);
  expect(holesBefore(9, 5)).toEqual([]);
});
