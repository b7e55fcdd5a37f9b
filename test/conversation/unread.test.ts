import fc from 'fast-check';
import { expect, it } from 'vitest';
import { updateRetention } from '../../src/conversation/retention.ts';
import { merge } from '../../src/inbox/rows.ts';
import { newUsers, overStorage } from '../support/objects.ts';
import { TestRoom } from '../support/room.ts';

/*
 * Badges against a model that counts one by one: whatever is sent, edited, taken back, expires and is read in whatever order.
 */

const PEOPLE = newUsers(3);
const [ADA = ''] = PEOPLE;
const MINUTE = 60_000;

/** A message, as far as badges go. */
interface Said {
  seq: number;
  sender: string;
  /** It stands in the conversation, and not in a thread alone. */
  inChat: boolean;
  /** The message whose thread it is in. */
  root: number | undefined;
  calls: Set<string>;
  expires: boolean;
  gone: boolean;
}

interface Model {
  said: Said[];
  read: Map<string, number>;
}

type Step = (test: TestRoom, model: Model) => Promise<void> | void;

const person = fc.constantFrom(...PEOPLE);
const which = fc.nat(1000);
const called = fc.subarray(PEOPLE);
const at = ({ said }: Model, index: number): Said | undefined => said[index % Math.max(1, said.length)];
const named = (mentions: string[]) => (mentions.length > 0 ? { mentions } : {});

async function say(
  test: TestRoom,
  model: Model,
  sender: string,
  fields: Parameters<TestRoom['send']>[2],
  expires = false,
) {
  const seq = await test.sent(sender, 'words', fields);
  const everyone = fields?.everyone === 'all' ? PEOPLE : [];
  const root = fields?.thread_seq;
  const inChat = root === undefined;
  model.said.push({
    seq,
    sender,
    inChat,
    root,
    calls: new Set([...(fields?.mentions ?? []), ...everyone]),
    expires,
    gone: false,
  });
  // Who speaks in a conversation has read it; who speaks in a thread has read nothing but that.
  if (inChat) model.read.set(sender, seq);
}

const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(person, called).map(
      ([user, mentions]): Step =>
        (test, model) =>
          say(test, model, user, named(mentions)),
    ),
  },
  person.map(
    (user): Step =>
      (test, model) =>
        say(test, model, user, { everyone: 'all' }),
  ),
  fc.tuple(person, which, called, fc.boolean()).map(
    ([user, index, mentions, all]): Step =>
      async (test, model) => {
        const root = model.said.filter(({ inChat }) => inChat).at(index % Math.max(1, model.said.length));
        if (root !== undefined && !root.gone)
          await say(test, model, user, { thread_seq: root.seq, ...(all ? { everyone: 'all' } : named(mentions)) });
      },
  ),
  fc.tuple(person, called).map(
    ([user, mentions]): Step =>
      async (test, model) => {
        test.publish(updateRetention(test.conversation, ADA, { message_timer: 60 }));
        await say(test, model, user, named(mentions), true);
        test.publish(updateRetention(test.conversation, ADA, { message_timer: null }));
      },
  ),
  fc.constant<Step>((test, model) => {
    test.clock.pass(MINUTE);
    test.room.attend();
    // A thread goes with the message that it is about.
    const ended = new Set(model.said.filter(({ expires }) => expires).map(({ seq }) => seq));
    for (const message of model.said) message.gone ||= ended.has(message.root ?? message.seq);
  }),
  fc.tuple(which, called).map(
    ([index, mentions]): Step =>
      async (test, model) => {
        const message = at(model, index);
        if (message === undefined) return;
        const edit = { type: 'edit' as const, content: `words ${index}`, ...named(mentions) };
        const edited = await test.change(message.sender, message.seq, edit);
        if (edited.ok && !edited.value.duplicate) message.calls = new Set(mentions);
      },
  ),
  which.map(
    (index): Step =>
      async (test, model) => {
        const message = at(model, index);
        if (message === undefined) return;
        const taken = await test.change(message.sender, message.seq, { type: 'recall' });
        if (taken.ok) message.gone = true;
      },
  ),
  {
    weight: 2,
    arbitrary: fc.tuple(person, fc.nat(100)).map(
      ([user, back]): Step =>
        (test, model) => {
          const seq = Math.max(0, test.conversation.log.head - (back % 20));
          test.room.mark({ user, read: seq });
          model.read.set(user, Math.max(model.read.get(user) ?? 0, seq));
        },
    ),
  },
  fc.constant<Step>(async (test) => {
    await test.inboxes.settled();
    test.restart();
  }),
);

it('unread and mentions are what one counts one by one, on every row, under edits, recalls, expiry and marks', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { minLength: 1, maxLength: 40, size: 'max' }), async (history) => {
      await overStorage(async (storage) => {
        const test = new TestRoom(storage);
        test.create(PEOPLE);
        const model: Model = { said: [], read: new Map(PEOPLE.map((user) => [user, test.conversation.log.head])) };
        for (const step of history) await step(test, model);
        await test.inboxes.settled();
        for (const user of PEOPLE) {
          const read = model.read.get(user) ?? 0;
          const behind = model.said.filter(({ seq }) => seq > read);
          const notice = test.conversation.notice(user);
          if (notice === null) throw new Error('a member');
          const row = merge(undefined, notice, false).item;
          // What is gone has been said all the same: counts of messages do not move, those of calls do.
          expect(row?.unread).toBe(behind.filter(({ inChat }) => inChat).length);
          const mentioned = behind.filter(({ sender, gone, calls }) => !gone && sender !== user && calls.has(user));
          expect(notice.mentions).toEqual(mentioned.map(({ seq }) => seq));
          expect(row?.mentions).toBe(mentioned.length);
        }
      });
    }),
    { numRuns: 40 },
  );
});
