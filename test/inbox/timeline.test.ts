import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newId } from '../../src/ids.ts';
import { LIMITS } from '../../src/protocol/limits.ts';
import { applyChanges, emptyList, itemsOf } from '../../src/protocol/reduce.ts';
import { friend, notice, rowOf, type TestInbox, withInbox } from '../support/inbox.ts';
import { newUser, newUsers } from '../support/objects.ts';

const tell = (test: TestInbox, count: number, fields: Parameters<typeof notice>[0] = {}) => {
  const ids = Array.from({ length: count }, () => newId('chat'));
  for (const chat_id of ids) test.inbox.notify(notice({ chat_id, ...fields }));
  return ids;
};

describe('a cursor', () => {
  it('brings what changed since, oldest change first, each row once and as it is now', async () => {
    await withInbox(async (test) => {
      const [a = '', b = '', c = ''] = tell(test, 3);
      const { cursor } = await test.sync();
      for (const chat_id of [c, a, c]) test.inbox.notify(notice({ chat_id, head: test.inbox.timeline.pos + 1 }));
      const { changes } = await test.sync({ cursor });
      expect(changes.map(rowOf)).toEqual([a, c]);
      expect((await test.sync()).changes.map(rowOf)).toEqual([b, a, c]);
    });
  });

  it('is good for nothing new: an empty page and the same cursor', async () => {
    await withInbox(async (test) => {
      tell(test, 3);
      const { cursor } = await test.sync();
      expect(await test.sync({ cursor })).toEqual({ changes: [], cursor, has_more: false });
    });
  });

  it('survives a restart of the inbox', async () => {
    await withInbox(async (test) => {
      tell(test, 3);
      const { cursor } = await test.sync();
      test.restart();
      expect(await test.sync({ cursor })).toEqual({ changes: [], cursor, has_more: false });
    });
  });

  it.each([
    ['of another life of the inbox', 'abcdef0123456789.2'],
    ['beyond the last change', 'same.99'],
    ['that is no number', 'same.1e1'],
    ['without a position', 'same'],
    ['of text', "'; DROP TABLE chats; --"],
    ['of nothing', ''],
    ['that is negative', 'same.-1'],
    ['too long for a number', `same.${'9'.repeat(40)}`],
  ])('%s: `reset`, and every row', async (_what, cursor) => {
    await withInbox(async (test) => {
      tell(test, 2);
      const [generation = ''] = (await test.sync()).cursor.split('.');
      const answer = await test.sync({ cursor: cursor.replace('same', generation) });
      expect(answer).toMatchObject({ reset: true, has_more: false });
      expect(answer.changes).toHaveLength(2);
    });
  });

  it('from before the first change of all goes on without a reset', async () => {
    await withInbox(async (test) => {
      const { cursor, changes } = await test.sync();
      expect(changes).toEqual([]);
      tell(test, 2);
      const answer = await test.sync({ cursor });
      expect([answer.reset, answer.changes.length]).toEqual([undefined, 2]);
    });
  });
});

describe('pages', () => {
  it('cover everything, though rows move while they are read', async () => {
    await withInbox(async (test) => {
      const ids = tell(test, 25);
      const heads = new Map(ids.map((id) => [id, 1]));
      const seen = new Map<string, number>();
      let cursor: string | undefined;
      for (let page = 0, more = true; more; page++) {
        const answer = await test.sync({ limit: 4, ...(cursor === undefined ? {} : { cursor }) });
        for (const change of answer.changes) if (change.type === 'chat') seen.set(change.chat_id, change.chat.head_seq);
        cursor = answer.cursor;
        more = answer.has_more;
        if (!more) break;
        const chat_id = ids[page] ?? '';
        heads.set(chat_id, 100 + page);
        test.inbox.notify(notice({ chat_id, head: 100 + page }));
      }
      expect(seen).toEqual(heads);
      expect([...heads.values()].filter((head) => head > 1).length).toBeGreaterThan(5);
    });
  });

  it('of long rows are shorter than asked, so that an answer stays within what a call may carry', async () => {
    await withInbox(async (test) => {
      const sender = newUser();
      for (let i = 0; i < 200; i++) {
        const chat_id = newId('chat');
        const last_message = {
          chat_id,
          seq: 1,
          ordinal: 1,
          client_id: 'c',
          sender_id: sender,
          kind: 'text' as const,
          content: '\u0001'.repeat(LIMITS.contentBytes),
          created_at: new Date(i).toISOString(),
        };
        test.inbox.notify(notice({ chat_id, last_message }));
      }
      const list = await test.inbox.list({ limit: 500 });
      expect(list.ok && list.value.length).toBeLessThan(3 * 1024 * 1024);
      let [cursor, rows] = [undefined as string | undefined, 0];
      for (let more = true; more; ) {
        const answer = await test.sync({ limit: 1000, ...(cursor === undefined ? {} : { cursor }) });
        expect(JSON.stringify(answer.changes).length).toBeLessThan(3 * 1024 * 1024);
        rows += answer.changes.length;
        [cursor, more] = [answer.cursor, answer.has_more];
      }
      expect(rows).toBe(200);
    });
  });

  it('of the list go by latest activity, without gaps, ties included', async () => {
    await withInbox(async (test) => {
      for (let i = 0; i < 30; i++) test.inbox.notify(notice({ head: 1 + (i % 5) }));
      const got: string[] = [];
      let cursor: string | null | undefined;
      while (cursor !== null) {
        const answer = await test.inbox.list({ limit: 7, ...(cursor === undefined ? {} : { cursor }) });
        if (!answer.ok) throw new Error('a page is a page');
        const page: { items: { id: string; joined_at: string }[]; next_cursor: string | null } = JSON.parse(
          answer.value,
        );
        got.push(...page.items.map((item) => `${item.joined_at} ${item.id}`));
        cursor = page.next_cursor;
      }
      expect(new Set(got).size).toBe(30);
      expect(got).toEqual(got.toSorted().reverse());
    });
  });

  it.each(["1.chat_' OR 1=1", 'x', '1', '-1.chat_01kahq0z9pm3v1x8e6t4w2y7rd', '9'.repeat(200)])(
    'the list refuses a cursor that is none of its own: %s',
    async (cursor) => {
      expect(await withInbox((test) => test.inbox.list({ cursor, limit: 5 }))).toMatchObject({
        ok: false,
        refusal: { code: 'invalid' },
      });
    },
  );
});

describe('what is written', () => {
  it('nothing, for a user who was only looked at', async () => {
    await withInbox(async (test) => {
      await test.sync();
      test.inbox.presence.own();
      test.inbox.presence.meet({ user_id: newUser(), state: 'online', last_seen: null, status: null });
      expect(test.storage.sql.exec('SELECT name FROM sqlite_master').toArray()).toEqual([]);
    });
  });

  it('one row for each conversation, whatever happens in it', async () => {
    await withInbox(async (test) => {
      const [chat_id = ''] = tell(test, 1);
      for (let head = 2; head < 300; head++) test.inbox.notify(notice({ chat_id, head }));
      expect(test.storage.sql.exec<{ n: number }>('SELECT count(*) AS n FROM chats').one().n).toBe(1);
    });
  });

  it('nothing and no new position for a notice that tells nothing new', async () => {
    await withInbox(async (test) => {
      const same = notice({ head: 5 });
      test.inbox.notify(same);
      const { pos } = test.inbox.timeline;
      const before = test.storage.sql.databaseSize;
      for (let i = 0; i < 50; i++) test.inbox.notify(same);
      test.inbox.notify({ ...same, chat: { ...same.chat, head_seq: 4 }, messages: 4 });
      expect([test.inbox.timeline.pos, test.storage.sql.databaseSize]).toEqual([pos, before]);
    });
  });
});

it('old snapshot + all changes, page by page, is a fresh snapshot: for any notices, preferences and departures', async () => {
  const act = fc.record({
    chat: fc.nat(5),
    what: fc.constantFrom(
      'news',
      'old news',
      'read',
      'gone',
      'back',
      'mute',
      'pin',
      'mention',
      'sync',
      'restart',
      'friend',
      'unfriend',
      'old friend',
    ),
    limit: fc.integer({ min: 1, max: 4 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 60 }), (acts) =>
      withInbox(async (test) => {
        const chats = Array.from({ length: 6 }, () => ({
          id: newId('chat'),
          head: 1,
          read: 0,
          member_seq: 1,
          gone: false,
        }));
        const friends = newUsers(6);
        let [device, version] = [emptyList, 10];
        const pull = async (state: typeof device, limit: number) => {
          const page = await test.sync({ limit, cursor: state.cursor });
          return { page, state: applyChanges(state, page).state };
        };
        for (const { chat, what, limit } of acts) {
          const [row, other] = [chats[chat], friends[chat]];
          if (row === undefined || other === undefined) continue;
          if (what === 'news') row.head += 1;
          if (what === 'read') row.read = row.head;
          if (what === 'gone' || what === 'back') {
            row.head += 1;
            row.gone = what === 'gone';
            row.member_seq = row.head;
          }
          const { id: chat_id, head, read, member_seq } = row;
          const now = notice({
            chat_id,
            head,
            read,
            member_seq,
            ...(row.gone ? { gone: 'left' } : {}),
            ...(what === 'mention' ? { mentions: [head] } : {}),
          });
          if (what === 'sync') device = (await pull(device, limit)).state;
          else if (what === 'restart') test.restart();
          else if (what === 'friend') test.inbox.put([friend(other, ++version, `no ${version}`)]);
          else if (what === 'unfriend') test.inbox.put([friend(other, ++version, null)]);
          else if (what === 'old friend')
            test.inbox.put([friend(other, version - 5, 'of old'), friend(other, 1, null)]);
          else if (what === 'mute') test.inbox.prefer(chat_id, { muted: limit % 2 === 0 });
          else if (what === 'pin') test.inbox.prefer(chat_id, { pinned: true });
          else if (what === 'old news')
            test.inbox.notify({ ...now, chat: { ...now.chat, head_seq: Math.max(1, head - 1) } });
          else test.inbox.notify(now);
        }
        for (let more = true; more; ) {
          const step = await pull(device, 2);
          [device, more] = [step.state, step.page.has_more];
        }
        const fresh = applyChanges(emptyList, await test.sync()).state;
        expect(Object.fromEntries(device.chats)).toEqual(Object.fromEntries(fresh.chats));
        expect(Object.fromEntries(itemsOf(device, 'contact'))).toEqual(Object.fromEntries(itemsOf(fresh, 'contact')));
        expect(device.cursor).toBe(fresh.cursor);
      }),
    ),
    { numRuns: 40 },
  );
});

it('people of Singles are known, and forgotten with the Single', async () => {
  await withInbox((test) => {
    const [peer = '', stranger = ''] = newUsers(2);
    const base = notice({});
    const single = { ...base, chat: { ...base.chat, type: 'Single' as const, peer_ids: [test.owner, peer] } };
    test.inbox.notify(single);
    expect([test.inbox.timeline.knows(peer), test.inbox.timeline.knows(stranger)]).toEqual([true, false]);
    expect(test.inbox.timeline.knows(test.owner)).toBe(false);
    test.inbox.notify({ ...single, member: null, gone: 'deleted' });
    expect(test.inbox.timeline.knows(peer)).toBe(false);
  });
});
