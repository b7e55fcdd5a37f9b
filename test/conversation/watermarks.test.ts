import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MARKS_EVERY } from '../../src/conversation/conversation.ts';
import { Marks } from '../../src/conversation/marks.ts';
import { RareTables } from '../../src/conversation/rare.ts';
import { TIER_LIMITS } from '../../src/conversation/tiers.ts';
import { newUser, newUsers, overStorage, value } from '../support/objects.ts';
import { TestRoom } from '../support/room.ts';

const [ada, bob] = [newUser(), newUser()];
const inRoom = <T>(work: (room: TestRoom) => T | Promise<T>, members = [ada, bob]): Promise<T> =>
  overStorage((storage) => {
    const test = new TestRoom(storage);
    test.create(members);
    return work(test);
  });
const marks = (test: TestRoom, user: string) => {
  const member = test.conversation.members.current(user);
  return { read: member?.read_seq, delivered: member?.delivered_seq };
};

describe('a watermark', () => {
  it('only grows, is capped at the head, and delivered is never behind read: under any marks', async () => {
    const mark = fc.record(
      { read: fc.integer({ min: 0, max: 60 }), delivered: fc.integer({ min: 0, max: 60 }) },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(mark, fc.constantFrom('send', 'restart')), { maxLength: 30 }), (steps) =>
        inRoom(async (test) => {
          let before = { read: 0, delivered: 0 };
          for (const step of steps) {
            if (step === 'send') await test.sent(ada);
            else if (step === 'restart') {
              await test.inboxes.settled();
              test.restart();
            } else if (typeof step === 'object') test.room.mark({ user: bob, ...step });
            await test.inboxes.settled();
            const { read = -1, delivered = -1 } = marks(test, bob);
            expect(read).toBeGreaterThanOrEqual(before.read);
            expect(delivered).toBeGreaterThanOrEqual(before.delivered);
            expect(delivered).toBeGreaterThanOrEqual(read);
            expect(delivered).toBeLessThanOrEqual(test.conversation.log.head);
            before = { read, delivered };
          }
        }),
      ),
      { numRuns: 15 },
    );
  });

  it('of one who is not a member is heard by nobody', async () => {
    await inRoom(async (test) => {
      const stranger = newUser();
      test.room.mark({ user: stranger, read: 1 });
      await test.inboxes.settled();
      expect(test.conversation.members.known(stranger)).toBeUndefined();
      expect(test.inboxes.count(stranger)).toBe(0);
    });
  });

  it('who sends has read: after a crash too, though nothing was written for it', async () => {
    await inRoom(async (test) => {
      await test.sent(ada);
      const seq = await test.sent(bob);
      expect(marks(test, bob)).toEqual({ read: seq, delivered: seq });
      await test.sent(ada);
      test.restart();
      expect(marks(test, bob)).toEqual({ read: seq, delivered: seq });
      expect(test.conversation.notice(bob)?.member?.read_messages).toBe(2);
    });
  });

  it('that the log implies needs no row until the log has grown: then all are stored, asked for or not', async () => {
    await inRoom(async (test) => {
      const seq = await test.sent(bob);
      await test.ringUntilQuiet();
      expect(test.conversation.chat.marks_through).toBe(0);
      for (let sent = 0; sent < MARKS_EVERY; sent++) await test.sent(ada);
      test.restart();
      await test.ringUntilQuiet();
      const stored = test.storage.sql
        .exec<{ read_seq: number }>('SELECT read_seq FROM members WHERE user_id = ?', bob)
        .one();
      expect(stored.read_seq).toBe(seq);
      expect(test.conversation.chat.marks_through).toBe(test.conversation.log.head);
      test.restart();
      expect(marks(test, bob).read).toBe(seq);
    });
  });

  it('read marks are stored at once: a crash right behind them loses none', async () => {
    await inRoom(async (test) => {
      const seq = await test.sent(ada);
      test.room.mark({ user: bob, read: seq });
      test.restart();
      expect(marks(test, bob)).toEqual({ read: seq, delivered: seq });
    });
  });

  it('delivered marks in a room in which nobody is shown them are stored by the alarm', async () => {
    const users = newUsers(TIER_LIMITS.small + 1);
    const [first = '', second = ''] = users;
    await inRoom(async (test) => {
      const seq = await test.sent(first);
      await test.ringUntilQuiet();
      test.room.mark({ user: second, delivered: seq });
      await test.ringUntilQuiet();
      test.restart();
      expect(marks(test, second)).toMatchObject({ delivered: seq });
    }, users);
  });
});

describe('watermarks that move together', () => {
  const together = (test: TestRoom, users: string[], mark: { read?: number; delivered?: number }) => {
    for (const user of users) test.room.mark({ user, ...mark });
    return test.ringUntilQuiet();
  };
  const stored = (test: TestRoom) =>
    test.storage.sql.exec<{ part: number; marks: string }>('SELECT part, marks FROM marks ORDER BY part').toArray();
  const everybody = (test: TestRoom, users: string[]) => users.map((user) => marks(test, user));

  it.each([
    [2, 0],
    [4, 1],
    [30, 1],
    [256, 1],
    [300, 16],
  ])('of %i members are stored in %i rows, and are there after a crash', async (size, rows) => {
    const users = newUsers(size);
    await inRoom(async (test) => {
      const first = await test.sent(users[0] ?? '');
      const seq = await test.sent(users[0] ?? '');
      await test.ringUntilQuiet();
      await together(test, users, { delivered: first });
      await together(test, users, { read: first, delivered: seq });
      test.restart();
      const [sender, ...others] = everybody(test, users);
      expect(sender).toEqual({ read: seq, delivered: seq });
      expect(others).toEqual(others.map(() => ({ read: first, delivered: seq })));
      expect(stored(test)).toHaveLength(rows);
      expect(test.conversation.membership.list(users.slice(1)).map(({ read_seq }) => read_seq)).toEqual(
        others.map(() => first),
      );
    }, users);
  });

  it('go on from there, each in a row of its own or together again, under any marks, crashes and sizes', async () => {
    const users = newUsers(280);
    const few = users.slice(0, 6);
    const step = fc.oneof(
      fc.record({
        who: fc.subarray([0, 1, 2, 3, 4, 5], { minLength: 1 }),
        read: fc.integer({ min: 0, max: 12 }),
        delivered: fc.integer({ min: 0, max: 12 }),
      }),
      fc.constantFrom('send', 'restart', 'grow'),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), (steps) =>
        inRoom(
          async (test) => {
            let before = everybody(test, few);
            for (const step of steps) {
              if (step === 'send') await test.sent(ada);
              else if (step === 'restart') test.restart();
              else if (step === 'grow') {
                test.publish(test.conversation.membership.add(ada, users));
              } else {
                const marked = step.who.flatMap((index) => few[index] ?? []);
                await together(test, marked, step);
              }
              await test.ringUntilQuiet();
              const now = everybody(test, few);
              for (const [index, { read = -1, delivered = -1 }] of now.entries()) {
                expect(read).toBeGreaterThanOrEqual(before[index]?.read ?? 0);
                expect(delivered).toBeGreaterThanOrEqual(Math.max(read, before[index]?.delivered ?? 0));
                expect(delivered).toBeLessThanOrEqual(test.conversation.log.head);
              }
              before = now;
            }
            test.restart();
            expect(everybody(test, few)).toEqual(before);
          },
          [ada, ...few],
        ),
      ),
      { numRuns: 12 },
    );
  });

  it('are those of a member who left and came back, too', async () => {
    const users = [ada, ...newUsers(4)];
    const gone = users[1] ?? '';
    await inRoom(async (test) => {
      const seq = await test.sent(ada);
      await together(test, users, { read: seq });
      test.restart();
      test.publish(test.conversation.membership.remove(gone, gone));
      test.publish(test.conversation.membership.add(ada, [gone]));
      const { head } = test.conversation.log;
      await together(test, users, { delivered: head });
      expect(stored(test)[0]?.marks, 'it has their own row').not.toContain(gone);
      test.restart();
      expect(marks(test, gone)).toEqual({ read: head, delivered: head });
      expect(test.conversation.notice(gone)?.member?.read_messages).toBe(1);
    }, users);
  });

  it('in a huge room have rows of their own: too many members would share a row', () =>
    overStorage((storage) => {
      new TestRoom(storage).create([ada, bob]);
      const all = new Marks(storage.sql, new RareTables(storage.sql));
      const rows = newUsers(40).map((user_id) => ({ user_id, read_seq: 1, delivered_seq: 1 }));
      expect(all.store(rows, TIER_LIMITS.large + 1)).toBe(false);
      expect(all.store(rows, TIER_LIMITS.large)).toBe(true);
    }));

  it('go with the conversation', async () => {
    const users = [ada, ...newUsers(4)];
    await inRoom(async (test) => {
      await together(test, users, { read: await test.sent(ada) });
      expect(stored(test)).toHaveLength(1);
      test.publish(test.conversation.membership.destroy(ada));
      await test.ringUntilQuiet();
      expect(stored(test)).toHaveLength(0);
    }, users);
  });
});

describe('a receipt', () => {
  it('goes to the devices of the others and to the own ones, with both watermarks, once for a flush', async () => {
    await inRoom(async (test) => {
      test.inboxes.devices.set(ada, 1);
      for (let i = 0; i < 5; i++) await test.sent(ada);
      await test.inboxes.settled();
      for (let seq = 2; seq <= 6; seq++) test.room.mark({ user: bob, delivered: seq });
      await test.inboxes.settled();
      const frames = (test.inboxes.signals.get(ada) ?? []).map((text): unknown => JSON.parse(text));
      expect(frames).toHaveLength(2);
      expect(frames.at(-1)).toEqual({
        t: 'receipt',
        chat_id: test.conversation.chat.id,
        user_id: bob,
        read_seq: 1,
        delivered_seq: 6,
      });
    });
  });

  it('a read mark reaches the own inbox, so that the other devices of its owner learn of it', async () => {
    await inRoom(async (test) => {
      const seq = await test.sent(ada);
      await test.ringUntilQuiet();
      test.room.mark({ user: bob, read: seq });
      await test.inboxes.settled();
      expect(test.inboxes.last(bob)?.member).toMatchObject({ read_seq: seq, read_messages: 1 });
    });
  });

  it('that moves nothing is told to nobody', async () => {
    await inRoom(async (test) => {
      test.inboxes.devices.set(ada, 1);
      const seq = await test.sent(ada);
      test.room.mark({ user: bob, read: seq });
      await test.inboxes.settled();
      const before = [test.inboxes.signals.get(ada)?.length, test.inboxes.count(bob)];
      for (let i = 0; i < 5; i++) test.room.mark({ user: bob, read: seq - 1, delivered: seq });
      await test.inboxes.settled();
      expect([test.inboxes.signals.get(ada)?.length, test.inboxes.count(bob)]).toEqual(before);
    });
  });

  it('that cannot be stored is not told either, and comes again with the next one', async () => {
    await inRoom(async (test) => {
      const seq = await test.sent(ada);
      await test.ringUntilQuiet();
      test.storage.sql.exec(`CREATE TRIGGER full BEFORE UPDATE ON members BEGIN SELECT raise(ABORT, 'disk full'); END`);
      const told = test.inboxes.count(bob);
      test.room.mark({ user: bob, read: seq });
      await test.inboxes.settled();
      expect([marks(test, bob).read, test.inboxes.count(bob)]).toEqual([1, told]);
      test.storage.sql.exec('DROP TRIGGER full');
      test.room.mark({ user: bob, read: seq });
      await test.inboxes.settled();
      expect(marks(test, bob).read).toBe(seq);
    });
  });
});

describe('typing', () => {
  it('is passed on to the others at most once in three seconds for each user, and is stored nowhere', async () => {
    await inRoom(async (test) => {
      for (const user of [ada, bob]) test.inboxes.devices.set(user, 1);
      await test.sent(ada);
      await test.ringUntilQuiet();
      const head = test.conversation.log.head;
      test.room.typing(bob);
      test.clock.pass(2999);
      test.room.typing(bob);
      test.clock.pass(1);
      test.room.typing(bob);
      await test.inboxes.settled();
      const typed = (test.inboxes.signals.get(ada) ?? []).filter((text) => text.includes('"typing"'));
      expect(typed.map((text): unknown => JSON.parse(text))).toEqual([
        { t: 'typing', chat_id: test.conversation.chat.id, user_id: bob },
        { t: 'typing', chat_id: test.conversation.chat.id, user_id: bob },
      ]);
      expect(test.inboxes.signals.get(bob)?.some((text) => text.includes('"typing"')) ?? false).toBe(false);
      expect(test.conversation.log.head).toBe(head);
    });
  });

  it('reaches nobody who has been removed', async () => {
    await inRoom(async (test) => {
      test.inboxes.devices.set(bob, 1);
      await test.sent(ada);
      await test.inboxes.settled();
      test.room.publish(value(test.conversation.membership.remove(ada, bob)));
      test.room.typing(ada);
      await test.inboxes.settled();
      expect(test.inboxes.signals.get(bob)).toBeUndefined();
    });
  });
});
