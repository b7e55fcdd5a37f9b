import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pageAfter } from '../../src/conversation/pages.ts';
import type { Poll } from '../../src/protocol/kinds.ts';
import { messagesNow } from '../support/messages.ts';
import { codeOf, newUser, newUsers, overStorage, value } from '../support/objects.ts';
import { TestRoom } from '../support/room.ts';

const [ada, bob, cyd] = [newUser(), newUser(), newUser()];
const MEMBERS = [ada, bob, cyd];

const withPoll = <T>(
  poll: Partial<Poll>,
  work: (test: TestRoom, seq: number) => Promise<T>,
  members = MEMBERS,
): Promise<T> =>
  overStorage(async (storage) => {
    const test = new TestRoom(storage);
    test.create(members);
    return work(test, await test.sent(ada, 'when?', { kind: 'poll', poll: { options: ['a', 'b', 'c'], ...poll } }));
  });

const results = (test: TestRoom, seq: number) => messagesNow(test, bob).get(seq)?.results;
const everything = (test: TestRoom) => {
  const member = test.conversation.members.current(bob);
  if (member === undefined) throw new Error('bob is a member');
  return pageAfter(test.conversation, member, { after: 0, limit: 1000 }).events.join('');
};

describe('a vote', () => {
  it('counts once, is changed by another, and is taken back by none', async () => {
    await withPoll({}, async (test, seq) => {
      expect(value(await test.vote(bob, seq, [1]))).toEqual({ results: { counts: [0, 1, 0], voters: 1 }, mine: [1] });
      const head = test.conversation.log.head;
      expect(value(await test.vote(bob, seq, [1])).results.voters).toBe(1);
      expect(test.conversation.log.head).toBe(head);
      test.restart();
      expect(value(await test.vote(bob, seq, [2])).results).toEqual({ counts: [0, 0, 1], voters: 1 });
      expect(value(await test.vote(cyd, seq, [2])).results).toEqual({ counts: [0, 0, 2], voters: 2 });
      expect(value(await test.vote(bob, seq, [])).results).toEqual({ counts: [0, 0, 1], voters: 1 });
      expect(results(test, seq)).toEqual({ counts: [0, 0, 1], voters: 1 });
    });
  });

  it('moves nobody’s read mark and no count of messages', async () => {
    await withPoll({}, async (test, seq) => {
      await test.vote(bob, seq, [1]);
      expect(test.conversation.members.current(bob)?.read_seq).toBeLessThan(seq);
      expect(test.conversation.log.messages).toBe(1);
    });
  });

  it.each<[string, number[], Partial<Poll>, string]>([
    ['for two, where one is chosen', [0, 1], {}, 'invalid'],
    ['for two, where several are', [0, 1], { multiple: true }, 'ok'],
    ['for one twice', [1, 1], {}, 'ok'],
    ['for what is no option', [3], {}, 'invalid'],
  ])('%s', async (_what, options, poll, code) => {
    await withPoll(poll, async (test, seq) => expect(codeOf(await test.vote(bob, seq, options))).toBe(code));
  });

  it('of who is not a member, or on what is no poll, is refused', async () => {
    await withPoll({}, async (test, seq) => {
      const other = await test.sent(ada, 'no poll');
      expect(codeOf(await test.vote(newUser(), seq, [0]))).toBe('not_found');
      expect(codeOf(await test.vote(bob, other, [0]))).toBe('not_found');
      expect(codeOf(await test.vote(bob, 99, [0]))).toBe('not_found');
      await test.change(ada, seq, { type: 'recall' });
      expect(codeOf(await test.vote(bob, seq, [0]))).toBe('not_found');
      expect(test.storage.sql.exec('SELECT * FROM polls, votes').toArray()).toEqual([]);
    });
  });

  it('of many at the same time is one event, and the counts are those of the votes', async () => {
    const ballots = fc.array(fc.record({ user: fc.nat(7), options: fc.subarray([0, 1, 2]) }), {
      minLength: 1,
      maxLength: 40,
    });
    const people = [...MEMBERS, ...newUsers(5)];
    await fc.assert(
      fc.asyncProperty(ballots, fc.boolean(), async (list, restarts) => {
        await withPoll(
          { multiple: true },
          async (test, seq) => {
            const model = new Map<string, number[]>();
            const head = test.conversation.log.head;
            await Promise.all(
              list.map(({ user, options }) => {
                const who = people[user] ?? ada;
                model.set(who, options);
                return test.vote(who, seq, options);
              }),
            );
            if (restarts) test.restart();
            const counts = [0, 1, 2].map(
              (option) => [...model.values()].filter((chosen) => chosen.includes(option)).length,
            );
            const voters = [...model.values()].filter((chosen) => chosen.length > 0).length;
            expect(value(test.conversation.polls.view(bob, seq, 0)).results).toEqual({ counts, voters });
            // The first one alone, then all that waited.
            expect(test.conversation.log.head - head).toBeLessThanOrEqual(2);
          },
          people,
        );
      }),
      { numRuns: 20 },
    );
  });

  it('is counted in one read, however many have voted', async () => {
    const voters = newUsers(10_000);
    await withPoll(
      {},
      async (test, seq) => {
        const { polls } = test.conversation;
        test.conversation.transaction(() => {
          for (const [index, user] of voters.entries()) value(polls.vote({ user, seq, options: [index % 3] }, 0));
          return polls.tally(seq);
        });
        const cursor = test.storage.sql.exec('SELECT * FROM polls WHERE seq = ?', seq);
        expect(cursor.toArray()).toMatchObject([{ voters: 10_000, counts: '[3334,3333,3333]' }]);
        expect(cursor.rowsRead).toBe(1);
        expect(results(test, seq)).toEqual({ counts: [3334, 3333, 3333], voters: 10_000 });
      },
      [...MEMBERS, ...voters],
    );
  });
});

describe('who voted what', () => {
  it('is read by page', async () => {
    await withPoll({}, async (test, seq) => {
      for (const user of MEMBERS) await test.vote(user, seq, [1]);
      const { polls } = test.conversation;
      const first = value(polls.page(bob, seq, { after: '', limit: 2 }));
      const second = value(polls.page(bob, seq, { after: first.next_cursor ?? '', limit: 2 }));
      expect([...first.items, ...second.items].map(({ user_id }) => user_id)).toEqual(MEMBERS.toSorted());
      expect(second.next_cursor).toBeNull();
    });
  });

  it('is told to nobody in an anonymous poll, and forgotten with its end', async () => {
    await withPoll({ anonymous: true }, async (test, seq) => {
      const before = everything(test);
      await Promise.all([test.vote(bob, seq, [1]), test.vote(cyd, seq, [2])]);
      expect(everything(test).slice(before.length)).not.toMatch(new RegExp(`${bob}|${cyd}`));
      expect(JSON.stringify(results(test, seq))).not.toContain('usr_');
      expect(codeOf(test.conversation.polls.page(ada, seq, { after: '', limit: 9 }))).toBe('forbidden');
      expect(value(test.conversation.polls.view(bob, seq, 0)).mine).toEqual([1]);
      value(test.room.closePoll(ada, seq));
      expect(test.storage.sql.exec('SELECT * FROM votes').toArray()).toEqual([]);
      expect(results(test, seq)).toMatchObject({ counts: [0, 1, 1], voters: 2 });
    });
  });
});

describe('the end of a poll', () => {
  it('comes by its sender or a moderator, once, and no vote comes after it', async () => {
    await overStorage(async (storage) => {
      const test = new TestRoom(storage);
      test.create([bob, ada, cyd]);
      const seq = await test.sent(ada, '?', { kind: 'poll', poll: { options: ['a', 'b'] } });
      expect(codeOf(test.room.closePoll(cyd, seq))).toBe('forbidden');
      const closed = value(test.room.closePoll(ada, seq)).results.closed_at;
      expect(closed).toBeDefined();
      test.clock.pass(1000);
      test.restart();
      expect(value(test.room.closePoll(bob, seq)).results.closed_at).toBe(closed);
      expect(codeOf(await test.vote(cyd, seq, [0]))).toBe('conflict');
      expect(results(test, seq)).toEqual({ counts: [0, 0], voters: 0, closed_at: closed });
    });
  });

  it.each([false, true])(
    'comes by its time, also when the room is dropped (%s) and the clock has jumped',
    async (drops) => {
      const closes_at = '2026-11-21T09:00:00.000Z';
      await withPoll({ closes_at, anonymous: true }, async (test, seq) => {
        await test.vote(bob, seq, [0]);
        // The guard of the appends comes first; after it the alarm is the poll's.
        for (let rings = 0; rings < 5 && test.clock.now < Date.parse(closes_at); rings++) {
          if (drops) test.restart();
          await test.inboxes.settled();
          expect(results(test, seq)).not.toHaveProperty('closed_at');
          test.ring();
        }
        await test.inboxes.settled();
        expect(results(test, seq)).toEqual({ counts: [1, 0, 0], voters: 1, closed_at: closes_at });
        expect(codeOf(await test.vote(cyd, seq, [0]))).toBe('conflict');
        expect(test.storage.sql.exec('SELECT * FROM votes').toArray()).toEqual([]);
        await test.ringUntilQuiet();
      });
    },
  );

  it('holds from its time on, even before the alarm comes', async () => {
    await withPoll({ closes_at: '2026-11-21T09:00:00.000Z' }, async (test, seq) => {
      test.clock.pass(3_600_000);
      expect(codeOf(await test.vote(cyd, seq, [0]))).toBe('conflict');
    });
  });

  it('does not lie in the past at the beginning', async () => {
    await withPoll({}, async (test) => {
      const poll = { options: ['a', 'b'], closes_at: '2026-11-21T08:00:00.000Z' };
      expect(codeOf(await test.send(ada, '?', { kind: 'poll', poll }))).toBe('invalid');
    });
  });
});
