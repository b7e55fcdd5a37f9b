import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exchange, type RoomFrame } from '../../src/conversation/exchange.ts';
import { updateRetention } from '../../src/conversation/retention.ts';
import { TIER_LIMITS } from '../../src/conversation/tiers.ts';
import { EventsFrame } from '../../src/protocol/frames.ts';
import { codeOf, eventually, newUser, newUsers, overStorage, value } from '../support/objects.ts';
import { TestRoom } from '../support/room.ts';

const [ada, bob] = [newUser(), newUser()];
const inRoom = <T>(work: (test: TestRoom) => Promise<T>, members = [ada, bob]): Promise<T> =>
  overStorage(async (storage) => {
    const test = new TestRoom(storage);
    test.create(members);
    await test.ringUntilQuiet();
    return work(test);
  });
let ids = 0;
const send = (test: TestRoom, fields: Partial<Extract<RoomFrame, { t: 'send' }>> = {}): RoomFrame => ({
  t: 'send',
  client_id: `lend${++ids}`,
  chat_id: test.conversation.chat.id,
  kind: 'text',
  content: 'x',
  ...fields,
});
const seqsOf = (frame: string | undefined) =>
  frame === undefined ? [] : EventsFrame.parse(JSON.parse(frame)).events.map(({ seq }) => seq);

describe('an inbox that takes its notice with the answers', () => {
  it('is not called for what it sent, and everybody else is', async () => {
    await inRoom(async (test) => {
      const { head } = test.conversation.log;
      const calls = test.inboxes.count(ada);
      const { answers, notice } = await exchange(test.room, ada, [send(test), send(test)]);
      expect(answers).toHaveLength(2);
      expect(notice).toMatchObject({ chat: { head_seq: head + 2 }, armed: true });
      expect(seqsOf(notice?.frame)).toEqual([head + 1, head + 2]);
      await test.ringUntilQuiet();
      expect(test.inboxes.count(ada)).toBe(calls);
      expect(test.inboxes.head(bob)).toBe(head + 2);
      expect(test.conversation.chat.told_through).toBe(head + 2);
    });
  });

  it('is called for what comes after one that failed, too', async () => {
    await inRoom(async (test) => {
      value(updateRetention(test.conversation, ada, { message_timer: 60 }));
      await test.sent(bob);
      test.clock.pass(61_000);
      test.storage.sql.exec(
        `CREATE TRIGGER full BEFORE DELETE ON expiring BEGIN SELECT raise(ABORT, 'disk full'); END`,
      );
      const pull = { t: 'pull', chat_id: test.conversation.chat.id, after: 0 } as const;
      await expect(exchange(test.room, ada, [pull])).rejects.toThrow('disk full');
      const refused = await test.send(bob);
      expect(codeOf(refused)).toBe('unavailable');
      test.storage.sql.exec('DROP TRIGGER full');
      const seq = await test.sent(bob);
      await eventually('it is told', () => test.inboxes.head(ada) >= seq);
    });
  });

  it('is called for what comes after, beginning where the answer ended', async () => {
    await inRoom(async (test) => {
      await exchange(test.room, ada, [send(test)]);
      const seq = await test.sent(bob);
      await test.ringUntilQuiet();
      expect(seqsOf(test.inboxes.last(ada)?.frame)).toEqual([seq]);
    });
  });

  it('is called when something is owed to it: that is kept until a call has brought it', async () => {
    await inRoom(async (test) => {
      const calls = test.inboxes.count(ada);
      const under = exchange(test.room, ada, [send(test)]);
      test.room.publish(value(test.conversation.membership.remove(bob, bob)));
      test.room.fanout.owed([ada]);
      const { notice } = await under;
      expect(notice).toBeUndefined();
      await test.ringUntilQuiet();
      expect(test.inboxes.count(ada)).toBe(calls + 1);
      expect(test.inboxes.head(ada)).toBe(test.conversation.log.head);
    });
  });

  it('gets no notice beside a call that is under way: that one, or the next, brings it', async () => {
    await inRoom(async (test) => {
      let arrive: () => void = () => undefined;
      test.inboxes.before = (user) =>
        user === ada
          ? new Promise((resolve) => {
              arrive = resolve;
            })
          : undefined;
      const first = await test.sent(bob);
      const { notice } = await exchange(test.room, ada, [send(test)]);
      expect(notice).toBeUndefined();
      test.inboxes.before = () => undefined;
      arrive();
      await test.ringUntilQuiet();
      expect(test.inboxes.head(ada)).toBe(first + 1);
    });
  });

  it('gets none when its user has looked meanwhile: that may have been its next life', async () => {
    await inRoom(async (test) => {
      const calls = test.inboxes.count(ada);
      const handOver = test.room.fanout.lend(ada);
      expect(test.room.look(ada)).toMatchObject({ chat: { head_seq: test.conversation.log.head } });
      const seq = await test.sent(bob);
      expect(handOver?.()).toBeUndefined();
      await test.ringUntilQuiet();
      expect(test.inboxes.count(ada)).toBe(calls + 1);
      expect(seqsOf(test.inboxes.last(ada)?.frame)).toEqual([seq]);
    });
  });

  it('is called after a fault that kept its notice from it', async () => {
    await inRoom(async (test) => {
      await test.sent(bob, 'hello', { mentions: [ada] });
      await test.ringUntilQuiet();
      const handOver = test.room.fanout.lend(ada);
      const seq = await test.sent(bob);
      test.storage.sql.exec('ALTER TABLE mentions RENAME TO elsewhere');
      expect(handOver).toThrow('mentions');
      test.storage.sql.exec('ALTER TABLE elsewhere RENAME TO mentions');
      await test.ringUntilQuiet();
      expect(test.inboxes.head(ada)).toBe(seq);
    });
  });

  it('gets none when nothing has happened, and is told of the next thing', async () => {
    await inRoom(async (test) => {
      const { answers, notice } = await exchange(test.room, ada, [send(test, { content: '' })]);
      expect(answers).toHaveLength(1);
      expect(notice).toBeUndefined();
      const seq = await test.sent(bob);
      await test.ringUntilQuiet();
      expect(test.inboxes.head(ada)).toBe(seq);
    });
  });

  it('gets none from a room that does not tell everybody, or that it is not in', async () => {
    const many = newUsers(TIER_LIMITS.small + 1);
    await inRoom(async (test) => {
      expect((await exchange(test.room, many[0] ?? '', [send(test)])).notice).toBeUndefined();
    }, many);
    await inRoom(async (test) => {
      expect((await exchange(test.room, newUser(), [send(test)])).notice).toBeUndefined();
    });
  });

  it('misses no event and gets none twice, however calls, exchanges and the alarm interleave', async () => {
    const step = fc.record({ what: fc.constantFrom('exchange', 'send', 'ring', 'wait'), slow: fc.nat(4) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        await inRoom(async (test) => {
          const from = test.conversation.log.head;
          // Each ring brings the clock on; a call that has not been answered for half a minute would be made again.
          const givenUp = test.clock.now + 25_000;
          test.inboxes.devices.set(ada, 1);
          let slow = 0;
          test.inboxes.before = () => scheduler.wait(slow);
          const answered: number[] = [];
          const under: Promise<unknown>[] = [];
          const carry = async () => {
            const { notice } = await exchange(test.room, ada, [send(test)]);
            answered.push(...seqsOf(notice?.frame));
          };
          for (const one of steps) {
            slow = one.slow;
            if (one.what === 'exchange') under.push(carry());
            else if (one.what === 'send') under.push(test.sent(bob));
            else if (one.what === 'ring' && test.clock.now < givenUp) test.ring();
            else await scheduler.wait(one.slow);
          }
          await Promise.all(under);
          await test.ringUntilQuiet();
          const called = (test.inboxes.told.get(ada) ?? []).flatMap((notice) => seqsOf(notice.frame));
          const got = [...called, ...answered].filter((seq) => seq > from).sort((a, b) => a - b);
          const { head } = test.conversation.log;
          expect(got).toEqual(Array.from({ length: head - from }, (_, index) => from + 1 + index));
        });
      }),
      { numRuns: 40 },
    );
  });
});
