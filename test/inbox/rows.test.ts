import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Notice } from '../../src/conversation/api.ts';
import { type ChatRecord, changeJson, itemJson, merge, withPreferences } from '../../src/inbox/rows.ts';
import { ChatListItem } from '../../src/protocol/chats.ts';
import { Change } from '../../src/protocol/sync.ts';
import { unread } from '../../src/protocol/unread.ts';
import { newUser, overStorage } from '../support/objects.ts';
import { TestRoom } from '../support/room.ts';

const [ada, bob, cyd] = [newUser(), newUser(), newUser()];

const step = fc.constantFrom(
  'send',
  'mention',
  'answer',
  'rename',
  'history',
  'read',
  'got',
  'read a little',
  'leave',
  'remove',
  'come back',
  'crown',
  'others come',
  'destroy',
);

/** Everything that the room would tell Bob, if it told him after every single thing that happens. */
const history = (steps: string[], fanout = [ada, bob]): Promise<Notice[]> =>
  overStorage((storage) => {
    const test = new TestRoom(storage);
    const { conversation } = test;
    const notices: Notice[] = [];
    let id = 0;
    const send = (user: string, mentions?: string[]) =>
      conversation.transaction(() =>
        conversation.send(
          user,
          { kind: 'text', content: `${id}`, client_id: `c${++id}`, ...(mentions ? { mentions } : {}) },
          test.clock.now,
        ),
      );
    const mark = (marks: { read?: number; delivered?: number }) => {
      const row = conversation.members.current(bob);
      if (row !== undefined) conversation.members.advance(row, marks, conversation.log.head);
    };
    const acts: Record<string, () => unknown> = {
      send: () => send(ada),
      mention: () => send(ada, [bob]),
      answer: () => send(bob),
      rename: () => conversation.membership.update(ada, { name: `name ${++id}` }),
      history: () => conversation.membership.update(ada, { history: id++ % 2 === 0 ? 'joined' : 'all' }),
      read: () => mark({ read: conversation.log.head }),
      got: () => mark({ delivered: conversation.log.head }),
      'read a little': () => mark({ read: Math.ceil(conversation.log.head / 2) }),
      leave: () => conversation.membership.remove(bob, bob),
      remove: () => conversation.membership.remove(ada, bob),
      'come back': () => conversation.membership.add(ada, [bob]),
      crown: () => {
        conversation.membership.add(ada, [cyd]);
        conversation.membership.remove(ada, ada);
        conversation.membership.add(bob, [ada]);
      },
      'others come': () => conversation.membership.add(ada, [newUser()]),
      destroy: () => conversation.membership.destroy(ada),
    };
    test.create(fanout);
    for (const name of ['', ...steps]) {
      test.clock.pass(1000);
      acts[name]?.();
      const notice = conversation.notice(bob);
      if (notice !== null) notices.push(structuredClone(notice));
    }
    return notices;
  });

const apply = (notices: Notice[], row?: ChatRecord): ChatRecord | undefined =>
  notices.reduce<ChatRecord | undefined>((before, notice) => merge(before, notice, true), row);

describe('merging notices', () => {
  it('in any order, any of them any number of times, gives what the newest alone gives', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 14 }), fc.infiniteStream(fc.nat()), async (steps, numbers) => {
        const notices = await history(steps);
        const newest = notices.at(-1);
        if (newest === undefined) throw new Error('a member is told at least once');
        const random = () => numbers.next().value ?? 0;
        const repeated = [...notices, ...notices.filter(() => random() % 2 === 0)];
        const shuffled = repeated
          .map((notice) => ({ notice, key: random() }))
          .sort((a, b) => a.key - b.key)
          .map(({ notice }) => notice);
        expect(apply(shuffled)).toEqual(merge(undefined, newest, true));
      }),
      { numRuns: 150 },
    );
  });

  it('twice changes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 10 }), async (steps) => {
        const notices = await history(steps);
        for (const [index, notice] of notices.entries()) {
          const once = apply(notices.slice(0, index + 1));
          expect(merge(once, notice, true)).toEqual(once);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('keeps watermarks growing within a membership, and unread what the watermarks say', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 14 }), fc.infiniteStream(fc.nat()), async (steps, numbers) => {
        const notices = await history(steps);
        let row: ChatRecord | undefined;
        for (let i = 0; i < 30; i++) {
          const notice = notices[(numbers.next().value ?? 0) % notices.length];
          if (notice === undefined) break;
          const next = merge(row, notice, true);
          if (row?.item && next.item && row.member_seq === next.member_seq) {
            for (const field of ['head_seq', 'read_seq', 'read_messages', 'delivered_seq', 'messages'] as const) {
              expect(next.item[field]).toBeGreaterThanOrEqual(row.item[field]);
            }
          }
          if (next.item) {
            expect(next.item.unread).toBe(unread(next.item.messages, next.item.read_messages));
            expect(next.item.mentions).toBe(next.mentions.length);
            expect(next.mentions.every((seq) => seq > (next.item?.read_seq ?? 0))).toBe(true);
          }
          expect(next.item === null).toBe(next.gone !== null);
          row = next;
        }
      }),
      { numRuns: 50 },
    );
  });
});

it('a log that begins anew replaces what was known of the old one, though it is shorter', async () => {
  const old = (await history(['send', 'send', 'mention'])).at(-1);
  const [anew] = await history([]);
  if (old === undefined || anew === undefined) throw new Error('a member is told at least once');
  const same = { ...anew, chat: { ...anew.chat, id: old.chat.id } };
  expect(merge(merge(undefined, old, true), same, true)).toEqual(merge(undefined, same, true));
});

describe('what a user set for themself', () => {
  it('stays through whatever the room tells, as long as they are in the conversation', async () => {
    const notices = await history(['send', 'rename', 'read', 'mention', 'send']);
    const [first, ...rest] = notices;
    if (first === undefined) throw new Error('a member is told at least once');
    const chosen = withPreferences(merge(undefined, first, true), { muted: true, pinned: true });
    expect(apply(rest, chosen)?.item).toMatchObject({ muted: true, pinned: true, archived: false });
  });

  it('is changed one by one', async () => {
    const [first] = await history([]);
    if (first === undefined) throw new Error('a member is told at least once');
    const chosen = withPreferences(withPreferences(merge(undefined, first, true), { muted: true }), { archived: true });
    expect(withPreferences(chosen, { muted: false }).item).toMatchObject({
      muted: false,
      archived: true,
      pinned: false,
    });
  });
});

describe('a row is stale', () => {
  const told = async (armed: boolean) => {
    const [notice] = await history([]);
    if (notice === undefined) throw new Error('a member is told at least once');
    return { ...notice, armed };
  };

  it('when the room will not tell more and no device listens, until it is looked at', async () => {
    expect(merge(undefined, await told(false), false).stale).toBe(true);
    expect(merge(undefined, await told(false), true).stale).toBe(false);
    expect(merge(undefined, await told(true), false).stale).toBe(false);
  });

  it('until its room is asked, or tells something newer and goes on telling, whatever comes late', async () => {
    const [first, second] = await history(['send']);
    if (first === undefined || second === undefined) throw new Error('a message is told');
    const waiting = merge(undefined, { ...first, armed: false }, false);
    for (const armed of [true, false]) {
      for (const listening of [true, false]) {
        expect(merge(waiting, { ...first, armed }, listening).stale).toBe(true);
        expect(merge(waiting, { ...second, armed }, listening).stale).toBe(!armed);
      }
    }
  });

  it('never when the user is gone', async () => {
    const notices = await history(['leave']);
    const row = notices.reduce<ChatRecord | undefined>(
      (before, notice) => merge(before, { ...notice, armed: false }, false),
      undefined,
    );
    expect(row).toMatchObject({ gone: 'left', item: null, stale: false });
    const late = notices[0];
    expect(late && merge(row, { ...late, armed: false }, false).stale).toBe(false);
  });
});

it('a change is what the wire says a change is', async () => {
  const [notice] = await history(['send']);
  if (notice === undefined) throw new Error('a member is told at least once');
  const row = merge(undefined, notice, true);
  const change = Change.parse(JSON.parse(changeJson(row.chat_id, JSON.stringify(row.item), row.gone)));
  expect(change).toMatchObject({ type: 'chat', chat_id: notice.chat.id, chat: { name: 'a group' } });
  expect(Change.parse(JSON.parse(changeJson(row.chat_id, null, 'left')))).toEqual({
    type: 'chat.gone',
    chat_id: notice.chat.id,
    reason: 'left',
  });
});

it('the text of a row is what the schema writes, whatever stands before what', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      for (const notice of await history(steps)) {
        const { item } = merge(undefined, notice, true);
        if (item === null) continue;
        const text = JSON.stringify(ChatListItem.parse(item));
        expect(itemJson(item)).toBe(text);
        const { id, ...rest } = item;
        expect(itemJson({ ...rest, id })).toBe(text);
      }
    }),
    { numRuns: 30 },
  );
});
