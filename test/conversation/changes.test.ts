import { describe, expect, it } from 'vitest';
import { pageAfter } from '../../src/conversation/pages.ts';
import { updateRetention } from '../../src/conversation/retention.ts';
import type { MessageChange } from '../../src/protocol/changes.ts';
import { Emoji } from '../../src/protocol/current.ts';
import { LIMITS } from '../../src/protocol/limits.ts';
import { answered, messagesNow } from '../support/messages.ts';
import { codeOf, newUser, overStorage, value } from '../support/objects.ts';
import { TestRoom } from '../support/room.ts';

const [ada, bob, cyd] = [newUser(), newUser(), newUser()];
const HOUR = 3_600_000;
const edit = (content: string, mentions?: string[]): MessageChange => ({
  type: 'edit',
  content,
  ...(mentions === undefined ? {} : { mentions }),
});
const RECALL: MessageChange = { type: 'recall' };

const inRoom = <T>(work: (test: TestRoom) => Promise<T>, fields: Parameters<TestRoom['create']>[1] = {}): Promise<T> =>
  overStorage((storage) => {
    const test = new TestRoom(storage);
    test.create([ada, bob, cyd], fields);
    return work(test);
  });
const retain = (test: TestRoom, patch: Parameters<typeof updateRetention>[2]) =>
  test.publish(updateRetention(test.conversation, ada, patch));
const done = async (test: TestRoom, user: string, seq: number, change: MessageChange) =>
  value(await test.change(user, seq, change));
const message = (test: TestRoom, seq: number, reader = ada) => messagesNow(test, reader).get(seq);
const mentionsOf = (test: TestRoom, user: string) => test.conversation.notice(user)?.mentions;
const preview = (test: TestRoom, user: string) => test.conversation.notice(user)?.last_message;
/** Everything that is stored, as one text: what was erased is not in it. */
const everything = (test: TestRoom): string =>
  test.storage.sql
    .exec<{ name: string }>(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'",
    )
    .toArray()
    .map(({ name }) => JSON.stringify(test.storage.sql.exec(`SELECT * FROM "${name}"`).toArray()))
    .join();

describe('who may change what', () => {
  it.each<[string, MessageChange]>([
    ['edit', edit('mine now')],
    ['recall', RECALL],
  ])('nobody but its sender may %s a message, and nothing is changed by a refusal', async (_what, change) => {
    await inRoom(async (test) => {
      const seq = await test.sent(ada, 'mine');
      const { head } = test.conversation.log;
      expect(codeOf(await test.change(bob, seq, change))).toBe('forbidden');
      expect(test.conversation.log.head).toBe(head);
      expect(message(test, seq)).toMatchObject({ content: 'mine' });
      expect(codeOf(await test.change(newUser(), seq, change))).toBe('not_found');
    });
  });

  it('an owner recalls what anybody said, at any time', async () => {
    await inRoom(async (test) => {
      const seq = await test.sent(bob, 'regrettable');
      test.clock.pass(1000 * HOUR);
      await done(test, ada, seq, RECALL);
      expect(message(test, seq)?.recalled?.user_id).toBe(ada);
    });
  });

  it.each<[string, 'edit_window' | 'recall_window', MessageChange]>([
    ['edit', 'edit_window', edit('late')],
    ['recall', 'recall_window', RECALL],
  ])('to %s has its window: to the last moment, and not after', async (_what, name, change) => {
    await inRoom(async (test) => {
      retain(test, { [name]: 60 });
      const [first, second] = [await test.sent(bob), await test.sent(bob)];
      test.clock.pass(60_000);
      expect(codeOf(await test.change(bob, first, change))).toBe('ok');
      test.clock.pass(1);
      expect(codeOf(await test.change(bob, second, change))).toBe('forbidden');
      retain(test, { [name]: null });
      expect(codeOf(await test.change(bob, second, change))).toBe('ok');
    });
  });

  it('a clock that is set back closes no window', async () => {
    await inRoom(async (test) => {
      const seq = await test.sent(bob);
      test.clock.pass(-100 * HOUR);
      expect(codeOf(await test.change(bob, seq, edit('earlier')))).toBe('ok');
    });
  });

  it('what a joiner may not see they cannot change or ask about', async () => {
    await inRoom(
      async (test) => {
        const seq = await test.sent(ada, 'before');
        await done(test, ada, seq, { type: 'react', emoji: '👍' });
        const dan = newUser();
        test.publish(test.conversation.membership.add(ada, [dan]));
        expect(codeOf(await test.change(dan, seq, { type: 'react', emoji: '👍' }))).toBe('not_found');
        expect(codeOf(test.room.ask(dan, { type: 'edits', seq }))).toBe('not_found');
        expect(answered(test, dan, { type: 'reactors', seq, emoji: '👍', limit: 9 })).toMatchObject({ items: [] });
        expect(codeOf(test.room.ask(dan, { type: 'hide', seq }))).toBe('not_found');
        expect(codeOf(await test.send(dan, 'x', { thread_seq: seq }))).toBe('invalid');
      },
      { history: 'joined' },
    );
  });
});

it('two people set the timer of their Single, and one whom the other has blocked changes nothing in it', async () => {
  await overStorage(async (storage) => {
    const test = new TestRoom(storage);
    test.create([ada, bob], { type: 'Single' });
    expect(codeOf(updateRetention(test.conversation, bob, { message_timer: 60 }))).toBe('ok');
    const seq = await test.sent(bob, 'sent before');
    test.conversation.setBlocked(ada, { blocked: true, version: 1 });
    for (const change of [edit('x'), { type: 'react', emoji: '👍' } as const, { type: 'pin' } as const]) {
      expect(codeOf(await test.change(bob, seq, change))).toBe('forbidden');
    }
    expect(codeOf(updateRetention(test.conversation, bob, { message_timer: null }))).toBe('forbidden');
    expect(codeOf(await test.change(bob, seq, RECALL))).toBe('ok');
    expect(codeOf(test.room.ask(bob, { type: 'export', after: 0, limit: 9 }))).toBe('ok');
  });
});

describe('an edit', () => {
  it('keeps every wording, counts mentions anew, and moves the preview', async () => {
    await inRoom(async (test) => {
      const seq = await test.sent(ada, 'hello bob', { mentions: [bob] });
      await done(test, ada, seq, edit('hello cyd', [cyd]));
      await done(test, ada, seq, edit('hello all', [cyd]));
      expect(answered(test, bob, { type: 'edits', seq })).toMatchObject({
        items: [{ content: 'hello bob' }, { content: 'hello cyd' }, { content: 'hello all' }],
      });
      expect([mentionsOf(test, bob), mentionsOf(test, cyd)]).toEqual([[], [seq]]);
      expect(preview(test, bob)).toMatchObject({ seq, content: 'hello all' });
      await test.inboxes.settled();
      expect(test.inboxes.last(bob)?.mentions).toEqual([]);
    });
  });

  it('of nothing, of a stranger, or to nothing is refused or is none', async () => {
    await inRoom(async (test) => {
      const seq = await test.sent(ada, 'same');
      const { head } = test.conversation.log;
      expect(codeOf(await test.change(ada, 999, edit('x')))).toBe('not_found');
      expect(codeOf(await test.change(ada, 1, edit('x')))).toBe('not_found');
      expect(codeOf(await test.change(ada, seq, edit('')))).toBe('invalid');
      expect(codeOf(await test.change(ada, seq, edit('x', [newUser()])))).toBe('invalid');
      expect(await done(test, ada, seq, edit('same'))).toMatchObject({ duplicate: true });
      expect(test.conversation.log.head).toBe(head);
    });
  });

  it('asked for again under its client_id is made once; another one under it is a conflict', async () => {
    await inRoom(async (test) => {
      const seq = await test.sent(ada, 'one');
      const first = value(await test.change(ada, seq, edit('two'), 'e1'));
      await done(test, ada, seq, edit('three'));
      test.restart();
      const again = value(await test.change(ada, seq, edit('two'), 'e1'));
      expect([again.row.seq, again.duplicate]).toEqual([first.row.seq, true]);
      expect(message(test, seq)).toMatchObject({ content: 'three' });
      expect(codeOf(await test.change(ada, seq, edit('four'), 'e1'))).toBe('conflict');
      expect(codeOf(await test.change(ada, seq, RECALL, 'e1'))).toBe('conflict');
    });
  });

  it('happens a limited number of times', async () => {
    await inRoom(async (test) => {
      const seq = await test.sent(ada, 'one');
      for (let i = 0; i < LIMITS.editsPerMessage; i++) await done(test, ada, seq, edit(`${i}`));
      expect(codeOf(await test.change(ada, seq, edit('once more')))).toBe('conflict');
    });
  });
});

describe('a recall', () => {
  it('leaves nothing of what was said, anywhere, and the place of the message', async () => {
    await inRoom(async (test) => {
      const seq = await test.sent(ada, 'SECRET one', { mentions: [bob] });
      await done(test, ada, seq, edit('SECRET two', [bob]));
      await done(test, bob, seq, { type: 'react', emoji: ':secret:' });
      await done(test, bob, seq, { type: 'pin' });
      expect(everything(test)).toContain('SECRET');
      await done(test, ada, seq, RECALL);
      expect(everything(test)).not.toContain('SECRET');
      expect(message(test, seq)).toEqual({
        chat_id: test.conversation.chat.id,
        seq,
        ordinal: 1,
        client_id: 'c1',
        sender_id: ada,
        kind: 'text',
        content: '',
        created_at: expect.any(String),
        recalled: { user_id: ada, created_at: expect.any(String) },
      });
      expect(preview(test, bob)).toMatchObject({ seq, content: '' });
      expect(mentionsOf(test, bob)).toEqual([]);
      expect(answered(test, bob, { type: 'edits', seq })).toEqual({ items: [] });
      expect(answered(test, bob, { type: 'pins' })).toEqual({ items: [] });
      const member = test.conversation.members.current(bob);
      if (member === undefined) throw new Error('a member');
      const page = pageAfter(test.conversation, member, { after: 0, limit: 100 });
      expect(page.holes).toEqual([{ from_seq: seq + 1, to_seq: seq + 1, reason: 'erased' }]);
      expect(page.events.join()).not.toContain('SECRET');
    });
  });

  it('reaches devices that have not heard of the message: no copy is sent any more', async () => {
    await inRoom(async (test) => {
      test.inboxes.devices.set(bob, 1);
      const { promise: stuck, resolve: release } = Promise.withResolvers<void>();
      test.inboxes.before = (user) => (user === bob && test.conversation.log.head < 4 ? stuck : undefined);
      await test.sent(ada, 'first');
      const seq = await test.sent(ada, 'SECRET');
      await done(test, ada, seq, RECALL);
      release();
      await test.inboxes.settled();
      expect(test.inboxes.last(bob)?.last_message).toMatchObject({ seq, content: '' });
      expect(JSON.stringify(test.inboxes.told.get(bob)?.slice(1))).not.toContain('SECRET');
    });
  });

  it('is done once, and nothing can be done to the message after it; a resend is no new message', async () => {
    await inRoom(async (test) => {
      const seq = await test.sent(ada, 'x', { client_id: 'x' });
      await done(test, ada, seq, RECALL);
      expect(await done(test, ada, seq, RECALL)).toMatchObject({ duplicate: true });
      for (const change of [edit('y'), { type: 'react', emoji: '👍' } as const, { type: 'pin' } as const]) {
        expect(codeOf(await test.change(ada, seq, change))).toBe('conflict');
      }
      const again = value(await test.send(ada, 'x', { client_id: 'x' }));
      expect([again.row.seq, again.duplicate]).toEqual([seq, true]);
    });
  });
});

describe('reactions', () => {
  it('one of each person and emoji: counted, paged, and marked as one’s own', async () => {
    await inRoom(async (test) => {
      const seq = await test.sent(ada);
      for (const user of [ada, bob, cyd]) await done(test, user, seq, { type: 'react', emoji: '👍' });
      expect(await done(test, bob, seq, { type: 'react', emoji: '👍' })).toMatchObject({ duplicate: true });
      await done(test, bob, seq, { type: 'react', emoji: ':party:' });
      expect(message(test, seq, ada)?.reactions).toEqual([
        { emoji: '👍', count: 3, mine: true },
        { emoji: ':party:', count: 1 },
      ]);
      const first = answered(test, ada, { type: 'reactors', seq, emoji: '👍', limit: 2 });
      const sorted = [ada, bob, cyd].toSorted();
      expect(first).toEqual({ items: sorted.slice(0, 2), next_cursor: sorted[1] });
      await done(test, bob, seq, { type: 'unreact', emoji: ':party:' });
      expect(await done(test, bob, seq, { type: 'unreact', emoji: ':party:' })).toMatchObject({ duplicate: true });
      expect(message(test, seq, bob)?.reactions).toEqual([{ emoji: '👍', count: 3, mine: true }]);
    });
  });

  it('are of a limited number of kinds; one that is there takes more people', async () => {
    await inRoom(async (test) => {
      const seq = await test.sent(ada);
      for (let i = 0; i < LIMITS.reactionsPerMessage; i++) {
        await done(test, ada, seq, { type: 'react', emoji: `:e${i}:` });
      }
      expect(codeOf(await test.change(bob, seq, { type: 'react', emoji: '👍' }))).toBe('conflict');
      expect(codeOf(await test.change(bob, seq, { type: 'react', emoji: ':e3:' }))).toBe('ok');
    });
  });

  it('are one emoji in one spelling, or a name', () => {
    for (const good of ['👍', '👍🏽', '👩‍👩‍👧‍👦', '🇺🇦', '1️⃣', ':party_parrot:']) expect(Emoji.parse(good)).toBe(good);
    expect(Emoji.parse('❤')).toBe('❤️');
    for (const bad of [
      '',
      'a',
      '👍👍',
      ' 👍',
      '1',
      ':no spaces:',
      ':',
      '::',
      '\u200b',
      '\ud83d',
      '<b>',
      `:${'x'.repeat(33)}:`,
    ]) {
      expect(Emoji.safeParse(bad).success, JSON.stringify(bad)).toBe(false);
    }
  });
});

describe('pins', () => {
  it('are listed with the last one first, up to a limit', async () => {
    await inRoom(async (test) => {
      const seqs: number[] = [];
      for (let i = 0; i <= LIMITS.pinsPerChat; i++) seqs.push(await test.sent(ada, `${i}`));
      for (const seq of seqs.slice(0, -1)) await done(test, bob, seq, { type: 'pin' });
      expect(codeOf(await test.change(bob, seqs.at(-1) ?? 0, { type: 'pin' }))).toBe('conflict');
      await done(test, bob, seqs[0] ?? 0, { type: 'unpin' });
      await done(test, bob, seqs.at(-1) ?? 0, { type: 'pin' });
      const { items } = answered(test, cyd, { type: 'pins' }) as { items: { seq: number }[] };
      expect(items.map((item) => item.seq)).toEqual([seqs.at(-1), ...seqs.slice(1, -1).toReversed()]);
    });
  });

  it('of a channel are for moderators', async () => {
    await inRoom(
      async (test) => {
        const seq = await test.sent(bob);
        expect(codeOf(await test.change(bob, seq, { type: 'pin' }))).toBe('forbidden');
        expect(codeOf(await test.change(ada, seq, { type: 'pin' }))).toBe('ok');
      },
      { type: 'PrivateChannel' },
    );
  });
});

describe('a thread', () => {
  it('has its own messages and its own unread, and the conversation goes on without it', async () => {
    await inRoom(async (test) => {
      const root = await test.sent(ada, 'root');
      const { messages } = test.conversation.log;
      const first = await test.sent(bob, 'one', { thread_seq: root });
      await test.sent(bob, 'two', { thread_seq: root, mentions: [cyd] });
      expect(test.conversation.log.messages).toBe(messages);
      expect(preview(test, cyd)).toMatchObject({ seq: root, thread: { replies: 2, last_repliers: [bob] } });
      const unread = (user: string) => test.conversation.notice(user)?.thread_unread;
      expect([unread(ada), unread(bob), unread(cyd)]).toEqual([2, 0, 1]);
      test.restart();
      answered(test, ada, { type: 'attend', seq: root, read: 1 });
      expect(unread(ada)).toBe(1);
      await test.inboxes.settled();
      expect(test.inboxes.last(ada)?.thread_unread).toBe(1);
      answered(test, cyd, { type: 'attend', seq: root, following: false });
      await test.sent(ada, 'three', { thread_seq: root, mentions: [cyd] });
      expect([unread(ada), unread(bob), unread(cyd)]).toEqual([0, 1, 0]);
      const page = answered(test, cyd, { type: 'thread', seq: root, after: first, limit: 1 });
      expect(page).toMatchObject({ items: [{ content: 'two', thread_ordinal: 2 }], has_more: true });
      expect(answered(test, bob, { type: 'threads' })).toMatchObject({
        items: [{ message: { seq: root }, unread: 1 }],
      });
    });
  });

  it('a reply that is for the conversation too counts there', async () => {
    await inRoom(async (test) => {
      const root = await test.sent(ada);
      const seq = await test.sent(bob, 'both', { thread_seq: root, also_to_chat: true });
      expect(test.conversation.log.messages).toBe(2);
      expect(preview(test, ada)).toMatchObject({ seq, thread_seq: root });
    });
  });

  it('is about a message that is no reply itself', async () => {
    await inRoom(async (test) => {
      const root = await test.sent(ada);
      const reply = await test.sent(bob, 'x', { thread_seq: root });
      expect(codeOf(await test.send(bob, 'x', { thread_seq: reply }))).toBe('invalid');
      expect(codeOf(await test.send(bob, 'x', { thread_seq: 99 }))).toBe('invalid');
      expect(codeOf(await test.send(bob, 'x', { also_to_chat: true }))).toBe('invalid');
      const again = value(await test.send(bob, 'y', { thread_seq: root, client_id: 'y' }));
      const duplicate = value(await test.send(bob, 'y', { thread_seq: root, client_id: 'y' }));
      expect([duplicate.row.seq, duplicate.duplicate]).toEqual([again.row.seq, true]);
      expect(message(test, root)?.thread?.replies).toBe(2);
    });
  });
});

describe('deleted for oneself', () => {
  it('is not among pins and replies either, and the thread that it began is followed no more', async () => {
    await inRoom(async (test) => {
      const root = await test.sent(ada, 'root');
      const [first, second] = [
        await test.sent(bob, 'one', { thread_seq: root }),
        await test.sent(cyd, 'two', { thread_seq: root }),
      ];
      await done(test, ada, root, { type: 'pin' });
      answered(test, bob, { type: 'hide', seq: first });
      const replies = (user: string) => answered(test, user, { type: 'thread', seq: root, limit: 9 });
      expect(replies(bob)).toMatchObject({ items: [{ seq: second }], has_more: false });
      expect(replies(ada)).toMatchObject({ items: [{ seq: first }, { seq: second }] });
      expect(test.conversation.notice(bob)?.thread_unread).toBe(1);
      answered(test, bob, { type: 'hide', seq: root });
      expect(answered(test, bob, { type: 'pins' })).toEqual({ items: [] });
      expect(answered(test, ada, { type: 'pins' })).toMatchObject({ items: [{ seq: root }] });
      expect(answered(test, bob, { type: 'threads' })).toEqual({ items: [] });
      expect(test.conversation.notice(bob)?.thread_unread).toBe(0);
      await test.inboxes.settled();
      expect(test.inboxes.last(bob)?.thread_unread).toBe(0);
    });
  });

  it('is gone from one’s own pages and preview, and from nobody else’s; other devices learn of it', async () => {
    await inRoom(async (test) => {
      const [kept, seq] = [await test.sent(ada, 'kept'), await test.sent(ada, 'hidden')];
      answered(test, bob, { type: 'hide', seq });
      answered(test, bob, { type: 'hide', seq });
      expect([...messagesNow(test, bob).keys()]).toEqual([kept]);
      expect([...messagesNow(test, ada).keys()]).toEqual([kept, seq]);
      expect(preview(test, bob)).toMatchObject({ seq: kept });
      expect(preview(test, ada)).toMatchObject({ seq });
      await test.inboxes.settled();
      expect(test.inboxes.last(bob)?.hidden).toBe(1);
      expect(answered(test, bob, { type: 'hidden', after: 0, limit: 9 })).toEqual({
        items: [seq],
        next: 1,
        has_more: false,
      });
    });
  });

  it('is gone after a restart too, as unread replies are unread', async () => {
    await inRoom(async (test) => {
      const [kept, seq] = [await test.sent(ada, 'kept'), await test.sent(ada, 'hidden')];
      const before = test.conversation.notice(bob);
      expect(before).toMatchObject({ hidden: 0, thread_unread: 0, last_message: { seq } });
      test.restart();
      expect(test.conversation.notice(bob)).toEqual(before);
      answered(test, bob, { type: 'hide', seq });
      answered(test, bob, { type: 'attend', seq: kept, following: true });
      await test.sent(ada, 'a reply', { thread_seq: kept });
      const after = test.conversation.notice(bob);
      expect(after).toMatchObject({ hidden: 1, thread_unread: 1, last_message: { seq: kept } });
      test.restart();
      expect(test.conversation.notice(bob)).toEqual(after);
    });
  });
});
