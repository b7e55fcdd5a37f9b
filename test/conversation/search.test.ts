import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FindPage, find, readIn } from '../../src/conversation/find.ts';
import { hide } from '../../src/conversation/hidden.ts';
import { updateRetention } from '../../src/conversation/retention.ts';
import { CONVERSATION_MIGRATIONS } from '../../src/conversation/schema.ts';
import { SearchHit } from '../../src/protocol/search.ts';
import { SENT } from '../support/kinds.ts';
import { messagesNow } from '../support/messages.ts';
import { codeOf, eventually, newUser, newUsers, overStorage, value } from '../support/objects.ts';
import { TestRoom } from '../support/room.ts';

const [ada = '', bob = ''] = newUsers(2);
/** The migration since which more than texts is in the index. */
const NEW_INDEX = CONVERSATION_MIGRATIONS.find((migration) => migration.includes('DROP TABLE IF EXISTS search;')) ?? '';
const inRoom = <T>(work: (test: TestRoom) => T | Promise<T>) =>
  overStorage(async (storage) => work(new TestRoom(storage)));

const ask = (fields: Partial<FindPage>): FindPage => ({ limit: 50, sort: 'newest', ...fields });

function seqs(test: TestRoom, user: string, page: Partial<FindPage>): number[] {
  const member = value(test.conversation.actor(user));
  return value(find(test.conversation, member, ask(page))).items.map(({ seq }) => seq);
}

describe('search in a room', () => {
  it('finds words, phrases, prefixes and parts of Chinese, Japanese and Korean, the newest first', async () => {
    await inRoom(async (test) => {
      test.create([ada, bob]);
      const first = await test.sent(ada, 'The release is next week');
      const second = await test.sent(bob, 'Next week? The RELEASE notes are a draft');
      const han = await test.sent(bob, '大家好，你好世界！');
      const kana = await test.sent(ada, '東京タワーへ行きました');
      const hangul = await test.sent(ada, '회의는 내일입니다');
      expect(seqs(test, ada, { q: 'release' })).toEqual([second, first]);
      expect(seqs(test, ada, { q: '"next week"' })).toEqual([second, first]);
      expect(seqs(test, ada, { q: '"week next"' })).toEqual([]);
      expect(seqs(test, ada, { q: 'rel* -draft' })).toEqual([first]);
      expect(seqs(test, ada, { q: '世界' })).toEqual([han]);
      expect(seqs(test, ada, { q: '界' })).toEqual([han]);
      expect(seqs(test, ada, { q: '好世' })).toEqual([han]);
      expect(seqs(test, ada, { q: '好界' })).toEqual([]);
      expect(seqs(test, ada, { q: 'タワー' })).toEqual([kana]);
      expect(seqs(test, ada, { q: '내일' })).toEqual([hangul]);
    });
  });

  it('filters by sender, kind, link and time, with words and without', async () => {
    await inRoom(async (test) => {
      test.create([ada, bob]);
      const one = await test.sent(ada, 'see https://example.com/a');
      test.clock.pass(60_000);
      const noon = test.clock.now;
      const two = await test.sent(bob, 'see you');
      expect(seqs(test, ada, { q: 'see', sender: bob })).toEqual([two]);
      expect(seqs(test, ada, { sender: ada })).toEqual([one]);
      expect(seqs(test, ada, { has: 'link' })).toEqual([one]);
      expect(seqs(test, ada, { has: 'file' })).toEqual([]);
      expect(seqs(test, ada, { kind: 'text' })).toEqual([two, one]);
      expect(seqs(test, ada, { q: 'see', since: noon })).toEqual([two]);
      expect(seqs(test, ada, { q: 'see', until: noon })).toEqual([one]);
    });
  });

  it.each(Object.entries(SENT))(
    'finds a message of kind %s by what people read of it',
    async (kind, { send, says }) => {
      await inRoom(async (test) => {
        test.create([ada, bob]);
        await test.sent(ada, 'something else');
        const seq = await send(test, ada, 'unmistakable 世界');
        const found = says ? [seq] : [];
        expect(seqs(test, bob, { q: 'Unmistak*' })).toEqual(found);
        expect(seqs(test, bob, { q: '界' })).toEqual(found);
        expect(seqs(test, bob, { kind })).toEqual(kind === 'text' ? [seq, 2] : [seq]);
        const files = messagesNow(test, bob).get(seq)?.files;
        expect(seqs(test, bob, { has: 'file' })).toEqual(files === undefined ? [] : [seq]);
        // In the index by now: what is taken back is gone from it at once.
        value(await test.change(ada, seq, { type: 'recall' }));
        for (const asked of [
          { q: '世界' },
          { has: 'file' },
          { sender: ada, kind: kind === 'text' ? 'poll' : kind },
        ] as const)
          expect(seqs(test, bob, asked)).toEqual([]);
      });
    },
  );

  it('shows in the snippet what was found beside the text', async () => {
    await inRoom(async (test) => {
      test.create([ada, bob]);
      await test.sent(ada, 'Where?', {
        kind: 'poll',
        poll: { options: ['on the quay', 'at the lighthouse'] },
      });
      const { items } = value(test.room.search(bob, ask({ q: 'lighthouse' })));
      const { snippet, highlights } = SearchHit.parse(JSON.parse(items[0]?.hit ?? ''));
      expect(snippet).toBe('Where?\non the quay\nat the lighthouse');
      expect(highlights.map(([start, end]) => snippet.slice(start, end))).toEqual(['lighthouse']);
    });
  });

  it('knows a link that is marked as one, and none in code', async () => {
    await inRoom(async (test) => {
      test.create([ada, bob]);
      const entity = { offset: 0, length: 4 };
      const marked = await test.sent(ada, 'here', {
        entities: [{ type: 'link', ...entity, url: 'https://example.com' }],
      });
      await test.sent(ada, 'http://x', { entities: [{ type: 'code', offset: 0, length: 8 }] });
      expect(seqs(test, bob, { has: 'link' })).toEqual([marked]);
      value(await test.change(ada, marked, { type: 'edit', content: 'here' }));
      expect(seqs(test, bob, { has: 'link' })).toEqual([]);
    });
  });

  it('finds nothing whose time has come, also when no alarm has rung', async () => {
    await inRoom(async (test) => {
      test.create([ada, bob]);
      test.publish(updateRetention(test.conversation, ada, { message_timer: 60 }));
      await test.sent(ada, 'fleeting');
      const found = () => value(test.room.search(bob, ask({ q: 'fleeting' }))).items.length;
      expect(found()).toBe(1);
      test.clock.pass(60_000);
      expect(found()).toBe(0);
    });
  });

  it('makes an index anew that knew less of messages', async () => {
    await inRoom(async (test) => {
      test.create([ada, bob]);
      const seq = await SENT.image.send(test, ada, 'harbour');
      expect(seqs(test, bob, { q: 'harbour' })).toEqual([seq]);
      // As a version left it that knew texts only.
      test.storage.sql.exec('DELETE FROM search WHERE rowid = ?', seq);
      expect(seqs(test, bob, { q: 'harbour' })).toEqual([]);
      test.storage.sql.exec(NEW_INDEX);
      test.restart();
      expect(seqs(test, bob, { q: 'harbour' })).toEqual([seq]);
    });
  });

  it('shows nothing from before a member could see, and nothing to a stranger', async () => {
    await inRoom(async (test) => {
      test.create([ada], { history: 'joined' });
      await test.sent(ada, 'a secret');
      test.room.publish(value(test.conversation.membership.add(ada, [bob])));
      const seen = await test.sent(ada, 'no secret');
      expect(seqs(test, bob, { q: 'secret' })).toEqual([seen]);
      expect(codeOf(test.conversation.actor(newUser()))).toBe('not_found');
    });
  });

  it('pages go on where they ended, while new messages come in', async () => {
    await inRoom(async (test) => {
      test.create([ada, bob]);
      const sent: number[] = [];
      for (let i = 0; i < 25; i++) sent.push(await test.sent(ada, `apple ${i % 3 === 0 ? 'apple apple' : 'pie'}`));
      const member = value(test.conversation.actor(bob));
      for (const sort of ['newest', 'relevance'] as const) {
        const seen: number[] = [];
        let cursor: string | undefined;
        for (let pages = 0; pages < 10; pages++) {
          const page = value(find(test.conversation, member, ask({ q: 'apple', sort, limit: 7, cursor })));
          seen.push(...page.items.map(({ seq }) => seq));
          await test.sent(ada, 'apple of later');
          if (page.next === null) break;
          cursor = page.next;
        }
        expect(seen.filter((seq) => sent.includes(seq)).toSorted((a, b) => a - b)).toEqual(sent);
        expect(new Set(seen).size).toBe(seen.length);
      }
      const best = value(find(test.conversation, member, ask({ q: 'apple', sort: 'relevance' }))).items[0];
      expect(SearchHit.parse(JSON.parse(best?.hit ?? '')).message.content).toContain('apple apple');
      expect(codeOf(find(test.conversation, member, ask({ q: 'apple', cursor: 'n.x' })))).toBe('invalid');
      expect(codeOf(find(test.conversation, member, ask({ q: 'apple', cursor: 'r.1.1' })))).toBe('invalid');
    });
  });

  it('a hit is the message, a snippet and the places in it', async () => {
    await inRoom(async (test) => {
      test.create([ada, bob]);
      await test.sent(ada, `${'long '.repeat(200)}needle ${'tail '.repeat(200)}`);
      const member = value(test.conversation.actor(bob));
      const { items } = value(find(test.conversation, member, ask({ q: 'needle' })));
      const hit = SearchHit.parse(JSON.parse(items[0]?.hit ?? ''));
      expect(hit.snippet.length).toBeLessThan(300);
      expect(hit.highlights.map(([start, end]) => hit.snippet.slice(start, end))).toEqual(['needle']);
      expect(hit.message.content.length).toBeGreaterThan(1000);
    });
  });

  it('follows edits and recalls at once, in the index and before they come into it', async () => {
    await inRoom(async (test) => {
      test.create([ada, bob]);
      const early = await test.sent(ada, 'early words');
      value(await test.change(ada, early, { type: 'edit', content: 'early edit' }));
      const seq = await test.sent(ada, 'first words');
      const other = await test.sent(ada, 'other words');
      expect(seqs(test, bob, { q: 'words' })).toEqual([other, seq]);
      expect(seqs(test, bob, { q: 'edit' })).toEqual([early]);
      value(await test.change(ada, seq, { type: 'edit', content: 'new text' }));
      expect(seqs(test, bob, { q: 'words' })).toEqual([other]);
      expect(seqs(test, bob, { q: 'new' })).toEqual([seq]);
      value(await test.change(ada, seq, { type: 'recall' }));
      value(await test.change(ada, early, { type: 'recall' }));
      expect(seqs(test, bob, { q: 'new' })).toEqual([]);
      test.restart();
      expect(seqs(test, bob, { q: 'words' })).toEqual([other]);
      expect(seqs(test, bob, { q: 'edit' })).toEqual([]);
    });
  });

  it('finds replies in threads, and not what the reader has deleted for themself or what has expired', async () => {
    await inRoom(async (test) => {
      test.create([ada, bob]);
      const root = await test.sent(ada, 'a root with a word');
      const reply = await test.sent(bob, 'a reply with a word', { thread_seq: root });
      const hidden = await test.sent(ada, 'another word');
      expect(seqs(test, bob, { q: 'word' })).toEqual([hidden, reply, root]);
      value(hide(test.conversation, value(test.conversation.actor(bob)), hidden));
      expect(seqs(test, bob, { q: 'word' })).toEqual([reply, root]);
      expect(seqs(test, bob, { q: 'word', sort: 'relevance' })).toHaveLength(2);
      expect(seqs(test, ada, { q: 'word' })).toEqual([hidden, reply, root]);
      test.storage.sql.exec('INSERT INTO expiring VALUES (?, ?)', test.clock.now, root);
      test.clock.pass(1);
      test.conversation.timers.refresh();
      test.room.attend();
      expect(seqs(test, ada, { q: 'word' })).toEqual([hidden]);
    });
  });

  it('a long log is read in the newest first, in steps, and goes on by itself', async () => {
    await inRoom(async (test) => {
      test.create([ada, bob]);
      const oldest = await test.sent(ada, 'oldest');
      test.storage.transactionSync(() => {
        for (let i = 0; i < 4500; i++) {
          test.conversation.log.append({
            type: 'message',
            actor_id: bob,
            created_at: test.clock.now,
            client_id: `x${i}`,
            kind: 'text',
            content: `filler ${i}`,
            extra: null,
          });
        }
      });
      const newest = await test.sent(ada, 'newest');
      const first = value(test.room.search(ada, ask({ q: 'newest' })));
      expect(first.items.map(({ seq }) => seq)).toEqual([newest]);
      expect(first.complete).toBe(false);
      await eventually('everything is read in', () => readIn(test.conversation));
      expect(seqs(test, ada, { q: 'oldest' })).toEqual([oldest]);
    });
  });

  it('a step that fails changes nothing and is made again', async () => {
    await inRoom(async (test) => {
      test.create([ada]);
      const seq = await test.sent(ada, 'hello');
      expect(() =>
        test.conversation.search.advance(seq, () => {
          throw new Error('disk full');
        }),
      ).toThrow('disk full');
      expect(seqs(test, ada, { q: 'hello' })).toEqual([seq]);
    });
  });

  it('a room in which nobody searches pays nothing', async () => {
    await inRoom(async (test) => {
      test.create([ada]);
      await test.sent(ada, 'hello');
      const tables = test.storage.sql.exec("SELECT name FROM sqlite_master WHERE name LIKE 'search%'").toArray();
      expect(tables).toEqual([]);
      expect(test.conversation.search.started).toBe(false);
    });
  });

  it('a message costs a bounded number of rows more once somebody has searched', async () => {
    await inRoom(async (test) => {
      test.create([ada]);
      seqs(test, ada, { q: 'nothing' });
      for (let i = 0; i < 1000; i++) await test.sent(ada, `message ${i} of a thousand about word${i % 97}`);
      const exec = test.storage.sql.exec.bind(test.storage.sql);
      const cursors: { readonly rowsWritten: number }[] = [];
      test.storage.sql.exec = <T extends Record<string, SqlStorageValue>>(query: string, ...of: SqlStorageValue[]) => {
        const cursor = exec<T>(query, ...of);
        cursors.push(cursor);
        return cursor;
      };
      expect(
        test.conversation.search.advance(test.conversation.log.head, (row) => ({
          sender: row.actor_id,
          kind: 'text',
          text: row.content ?? '',
          file: false,
          link: false,
        })),
      ).toBe(true);
      const rows = cursors.reduce((sum, { rowsWritten }) => sum + rowsWritten, 0);
      expect(rows / 1000).toBeLessThan(2.5);
    });
  });

  it('takes whatever people write and look for: hostile text breaks neither the index nor a hit', async () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.constantFrom(
        '\u0000',
        '\u202eevil\u202c',
        '\u200b',
        '界'.repeat(200),
        `z${'\u0351'.repeat(300)}`,
        '"',
        '* - OR NEAR(',
        '👩‍👩‍👧',
      ),
    );
    const hostile = fc
      .array(piece, { minLength: 1, maxLength: 5 })
      .map((pieces) => pieces.join(' ').toWellFormed() || 'x');
    await fc.assert(
      fc.asyncProperty(fc.array(hostile, { minLength: 1, maxLength: 4 }), hostile, async (texts, other) => {
        await inRoom(async (test) => {
          test.create([ada]);
          for (const text of texts) await test.sent(ada, text);
          for (const q of [...texts, other].map((text) => text.slice(0, 256).toWellFormed())) {
            for (const sort of ['newest', 'relevance'] as const) {
              for (const { hit } of value(test.room.search(ada, ask({ q, sort }))).items) {
                const { message, snippet, highlights } = SearchHit.parse(JSON.parse(hit));
                expect(message.content).toContain(snippet);
                expect(snippet.isWellFormed()).toBe(true);
                for (const [start, end] of highlights) {
                  expect(start).toBeLessThan(end);
                  expect(end).toBeLessThanOrEqual(snippet.length);
                }
              }
            }
          }
        });
      }),
      { numRuns: 40 },
    );
  });

  it('finds what a plain look through the log finds', async () => {
    const word = fc.constantFrom('cat', 'category', 'dog', 'Éclair', '世界', '界世', '好', 'タワー');
    const text = fc.array(word, { minLength: 1, maxLength: 4 }).map((words) => words.join(' '));
    await fc.assert(
      fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 20 }), word, async (texts, wanted) => {
        await inRoom(async (test) => {
          test.create([ada]);
          const expected: number[] = [];
          const folded = wanted.toLowerCase().normalize('NFD').replace(/\p{M}/gu, '');
          const latin = /^\p{Script=Latin}/u.test(wanted);
          for (const text of texts) {
            const seq = await test.sent(ada, text);
            const words = text
              .toLowerCase()
              .normalize('NFD')
              .replace(/[\u0300-\u036f]/gu, '')
              .normalize('NFC');
            const hit = latin ? words.split(' ').includes(folded) : words.includes(wanted);
            if (hit) expected.unshift(seq);
          }
          expect(seqs(test, ada, { q: wanted })).toEqual(expected);
        });
      }),
      { numRuns: 25 },
    );
  });
});
