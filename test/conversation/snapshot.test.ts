import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { timestamp } from '../../src/clock.ts';
import type { Command } from '../../src/conversation/commands.ts';
import { pageAfter } from '../../src/conversation/pages.ts';
import { updateRetention } from '../../src/conversation/retention.ts';
import { newId } from '../../src/ids.ts';
import type { UpdateMember } from '../../src/protocol/chats.ts';
import type { EventType } from '../../src/protocol/events.ts';
import { ChatEvent } from '../../src/protocol/events.ts';
import { MessageKind } from '../../src/protocol/kinds.ts';
import type { Message } from '../../src/protocol/messages.ts';
import { applyEvent } from '../../src/protocol/state.ts';
import { SENT } from '../support/kinds.ts';
import { messagesNow } from '../support/messages.ts';
import { newUser, newUsers, overStorage, value } from '../support/objects.ts';
import { TestRoom } from '../support/room.ts';

/*
 * The property that sync rests on: events applied to an old snapshot give the fresh one, for whoever was away for whatever part
 * of the history, and for every kind of event there is.
 */

const PEOPLE = newUsers(3);
const EMOJI = ['👍', '❤️', ':party:'];
const person = fc.constantFrom(...PEOPLE);
/** Which of the messages so far: an index that wraps. */
const which = fc.nat(1000);
const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 });
const emoji = fc.constantFrom(...EMOJI);

/** Votes in a poll: in a new one, or in the latest. */
async function voting(test: TestRoom, user: string, options: number[], anonymous: boolean, fresh: boolean) {
  const polls = test.storage.sql.exec<{ seq: number }>('SELECT seq FROM polls ORDER BY seq DESC').toArray();
  const poll = {
    options: ['a', 'b', 'c'],
    multiple: true as const,
    ...(anonymous ? { anonymous: true as const } : {}),
  };
  const latest = fresh ? undefined : polls[0]?.seq;
  const seq = latest ?? (await test.sent(user, 'which?', { kind: 'poll', poll }));
  await test.vote(user, seq, options);
  return seq;
}

type Step = (test: TestRoom) => Promise<unknown> | unknown;

/** The seq of one of the messages, by an index. */
const pick = (test: TestRoom, index: number): number => {
  const seqs = test.storage.sql
    .exec<{ seq: number }>("SELECT seq FROM events WHERE type IN ('message', 'thread.reply') ORDER BY seq")
    .toArray();
  return seqs[index % Math.max(1, seqs.length)]?.seq ?? 1;
};
const changing = (by: string, index: number, change: Parameters<TestRoom['change']>[2]): Step => {
  return (test) => test.change(by, pick(test, index), change);
};

const [ADA = '', BEN = ''] = PEOPLE;
const managed = (command: Command): fc.Arbitrary<Step> => fc.constant((test) => test.manage(ADA, command));
const setting = (patch: UpdateMember): Command => ({ do: 'set_member', user_id: BEN, patch });
const strangerIn = (test: TestRoom) =>
  test.conversation.membership.page('', 50).items.find((member) => !PEOPLE.includes(member.user_id))?.user_id;
const banStranger = (test: TestRoom): string | undefined => {
  const user_id = strangerIn(test);
  if (user_id !== undefined) test.manage(ADA, { do: 'ban', user_id, reason: null });
  return user_id;
};
const invited = (test: TestRoom): string => {
  const draft = { id: newId('inv'), digest: newId('inv'), role: 'member' as const, expires_at: null, max_uses: 1 };
  test.manage(ADA, { do: 'create_invitation', draft });
  return draft.id;
};

/** One arbitrary step for each type of event: what a client could do to bring it about. A new type does not compile without. */
const STEPS: Record<EventType, fc.Arbitrary<Step>> = {
  'chat.created': fc.constant(() => undefined),
  'chat.deleted': fc.constant(() => undefined),
  'chat.updated': text.map(
    (name) => (test) => test.publish(test.conversation.membership.update(PEOPLE[0] ?? '', { name })),
  ),
  'member.joined': fc.constant((test) => test.publish(test.conversation.membership.add(PEOPLE[0] ?? '', [newUser()]))),
  'member.left': fc.constant((test) => {
    const stranger = strangerIn(test);
    if (stranger !== undefined) test.publish(test.conversation.membership.remove(PEOPLE[0] ?? '', stranger));
  }),
  'member.role': managed({ do: 'set_member', user_id: BEN, patch: { role: 'admin' } }),
  'member.renamed': text.map((nickname) => (test) => test.manage(BEN, setting({ nickname }))),
  'member.muted': fc.constant((test) => {
    test.manage(ADA, setting({ muted_until: timestamp(test.clock.now + 60_000) }));
    test.manage(ADA, setting({ muted_until: null }));
  }),
  'member.banned': fc.constant((test) => banStranger(test)),
  'member.unbanned': fc.constant((test) => {
    const banned = banStranger(test);
    if (banned !== undefined) test.manage(ADA, { do: 'unban', user_id: banned });
  }),
  'request.made': fc.constant((test) => test.manage(newUser(), { do: 'make_request', text: null })),
  'request.closed': fc.constant((test) => {
    const user = newUser();
    test.manage(user, { do: 'make_request', text: null });
    test.manage(ADA, { do: 'decide_request', user_id: user, accept: true });
  }),
  'invitation.created': fc.constant((test) => invited(test)),
  'invitation.revoked': fc.constant((test) => test.manage(ADA, { do: 'revoke_invitation', id: invited(test) })),
  'chat.announced': text.map((words) => (test) => test.manage(ADA, { do: 'announce', text: words })),
  message: fc.oneof(
    fc.tuple(person, text, fc.subarray(PEOPLE, { minLength: 0 }), which, fc.boolean()).map(
      ([user, content, mentions, index, quotes]): Step =>
        (test) =>
          test.send(user, content, {
            ...(mentions.length > 0 ? { mentions } : {}),
            ...(quotes ? { reply_to: pick(test, index), quote: { offset: 0, length: 1 } } : {}),
          }),
    ),
    fc.tuple(person, fc.constantFrom(...Object.values(SENT))).map(
      ([user, { send }]): Step =>
        (test) =>
          send(test, user, 'words'),
    ),
  ),
  'thread.reply': fc.tuple(person, which, text).map(
    ([user, index, content]) =>
      (test) =>
        test.send(user, content, { thread_seq: pick(test, index) }),
  ),
  'message.expired': fc.tuple(person, text).map(([user, content]) => async (test) => {
    test.publish(updateRetention(test.conversation, PEOPLE[0] ?? '', { message_timer: 60 }));
    await test.send(user, content);
    test.publish(updateRetention(test.conversation, PEOPLE[0] ?? '', { message_timer: null }));
    test.clock.pass(45_000);
  }),
  'message.edited': fc.tuple(which, text, fc.subarray(PEOPLE)).map(([index, content, mentions]) => (test) => {
    const seq = pick(test, index);
    const edit = { type: 'edit' as const, content, ...(mentions.length > 0 ? { mentions } : {}) };
    return test.change(test.conversation.log.at(seq)?.actor_id ?? '', seq, edit);
  }),
  'message.recalled': fc.tuple(person, which).map(([user, index]) => changing(user, index, { type: 'recall' })),
  'reaction.added': fc
    .tuple(person, which, emoji)
    .map(([user, index, value]) => changing(user, index, { type: 'react', emoji: value })),
  'reaction.removed': fc.tuple(person, which, emoji).map(([user, index, value]) => async (test) => {
    await changing(user, index, { type: 'react', emoji: value })(test);
    await changing(user, index, { type: 'unreact', emoji: value })(test);
  }),
  'message.pinned': fc.tuple(person, which).map(([user, index]) => changing(user, index, { type: 'pin' })),
  'message.unpinned': fc.tuple(person, which).map(([user, index]) => async (test) => {
    await changing(user, index, { type: 'pin' })(test);
    await changing(user, index, { type: 'unpin' })(test);
  }),
  'poll.voted': fc
    .tuple(person, fc.subarray([0, 1, 2]), fc.boolean(), fc.boolean())
    .map(([user, options, anonymous, fresh]) => async (test) => {
      await voting(test, user, options, anonymous, fresh);
    }),
  'message.preview': fc.tuple(person, text).map(([user, title]) => async (test) => {
    const url = `https://example.com/${encodeURIComponent(title)}`;
    const seq = await test.sent(user, `see ${url}`);
    test.room.previewed(seq, url, { url, title });
  }),
  'poll.closed': fc.tuple(person, fc.boolean()).map(([user, anonymous]) => async (test) => {
    const seq = await voting(test, user, [1], anonymous, true);
    value(test.room.closePoll(user, seq));
  }),
};

/** Types that no step of a living conversation brings: its beginning, its end. */
const NEVER: EventType[] = ['chat.deleted'];

const { message: sending, ...others } = STEPS;
const histories = fc.array(fc.oneof({ weight: 12, arbitrary: sending }, ...Object.values(others)), {
  minLength: 1,
  maxLength: 60,
  size: 'max',
});

const eventsAfter = (test: TestRoom, after: number): ChatEvent[] => {
  const member = test.conversation.members.current(PEOPLE[0] ?? '');
  if (member === undefined) throw new Error('a member');
  const page = pageAfter(test.conversation, member, { after, limit: 1000 });
  return page.events.map((json) => ChatEvent.parse(JSON.parse(json)));
};

const inRoom = <T>(work: (test: TestRoom) => Promise<T>): Promise<T> =>
  overStorage((storage) => {
    const test = new TestRoom(storage);
    test.create(PEOPLE, { type: 'PublicChannel', join_policy: 'approval' });
    test.publish(test.conversation.membership.update(ADA, { overrides: { pin: 'member' } }));
    return work(test);
  });

const inChat = ({ thread_seq, also_to_chat }: Message): boolean => thread_seq === undefined || also_to_chat === true;
const asObject = (messages: Map<number, Message>) => Object.fromEntries([...messages].sort(([a], [b]) => a - b));

describe('events applied to an old snapshot give the fresh one', () => {
  const seen = new Set<string>();
  const kinds = new Set<string>();

  it('whenever the snapshot was taken, and with the room dropped on the way', async () => {
    await fc.assert(
      fc.asyncProperty(histories, fc.nat(100), fc.nat(100), async (steps, cut, dropped) => {
        await inRoom(async (test) => {
          const [self] = PEOPLE;
          const reader = self ?? '';
          const [away, evicted] = [cut % steps.length, dropped % steps.length];
          let snapshot = messagesNow(test, reader);
          let position = test.conversation.log.head;
          for (const [index, step] of steps.entries()) {
            await step(test);
            if (index === evicted) test.restart();
            if (index !== away) continue;
            snapshot = messagesNow(test, reader);
            position = test.conversation.log.head;
          }
          test.clock.pass(120_000);
          test.room.attend();
          const chatId = test.conversation.chat.id;
          for (const event of eventsAfter(test, position)) applyEvent(snapshot, chatId, event, reader);
          const fresh = messagesNow(test, reader);
          expect(asObject(snapshot)).toEqual(asObject(fresh));

          // Whoever begins with the events alone comes to the same.
          const folded = new Map<number, Message>();
          for (const event of eventsAfter(test, 0)) {
            seen.add(event.type);
            if (event.type === 'message') kinds.add(event.kind);
            applyEvent(folded, chatId, event, reader);
          }
          expect(asObject(folded)).toEqual(asObject(fresh));

          // Badges follow from the same: a mention counts as long as it stands and is not read.
          for (const user of PEOPLE) {
            const notice = test.conversation.notice(user);
            const read = notice?.member?.read_seq ?? 0;
            const mentioning = [...fresh.values()].filter(
              ({ seq, sender_id, mentions }) => seq > read && sender_id !== user && mentions?.includes(user),
            );
            expect(notice?.mentions).toEqual(mentioning.map(({ seq }) => seq).sort((a, b) => a - b));
            const said = eventsAfter(test, 0).findLast((event) => event.type === 'message');
            expect(notice?.messages ?? 0).toBeGreaterThanOrEqual(said?.ordinal ?? 0);
            expect(notice?.last_message?.seq).toBe(
              [...fresh.values()].filter(inChat).reduce((last, { seq }) => Math.max(last, seq), 0) || undefined,
            );
          }
        });
      }),
      // A failure is told as far as it has been made smaller by then.
      { numRuns: 60, interruptAfterTimeLimit: 50_000, markInterruptAsFailure: true },
    );
    // So many histories have every kind and type in them. Beside other tests on two cores they take a while.
  }, 60_000);

  it('was tried with every kind of message', () => {
    expect([...kinds].sort()).toEqual(MessageKind.options.toSorted());
  });

  it('was tried with every type of event', () => {
    expect(
      Object.keys(STEPS)
        .filter((type) => !seen.has(type))
        .sort(),
    ).toEqual(NEVER.sort());
  });
});
