import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { eventsAndHoles, holesBefore } from '../../src/conversation/log.ts';
import {
  catchUpPage,
  catchUpParts,
  messagePageJson,
  pageAfter,
  pageFrame,
  pageJson,
} from '../../src/conversation/pages.ts';
import { ChatEvent, EventPage } from '../../src/protocol/events.ts';
import { EventsFrame } from '../../src/protocol/frames.ts';
import { LIMITS } from '../../src/protocol/limits.ts';
import { MessagePage } from '../../src/protocol/messages.ts';
import { ChatHead } from '../../src/protocol/sync.ts';
import { newUser, overStorage, value } from '../support/objects.ts';
import { TestRoom } from '../support/room.ts';

const [ada, bob] = [newUser(), newUser()];
const read = <S extends z.ZodType>(schema: S, text: string): z.output<S> => schema.parse(JSON.parse(text));

/** A conversation in which Ada said `count` things before Bob joined, and `after` things since. */
const withHistory = <T>(
  history: 'all' | 'joined',
  { before, after, text = 'x' }: { before: number; after: number; text?: string },
  work: (test: TestRoom) => T,
): Promise<T> =>
  overStorage((storage) => {
    const test = new TestRoom(storage);
    test.create([ada], { history });
    const say = (count: number) =>
      test.conversation.transaction(() => {
        for (let i = 0; i < count; i++) {
          const client_id = `c${test.conversation.log.head}`;
          value(test.conversation.send(ada, { kind: 'text', content: text, client_id }, test.clock.now));
        }
      });
    say(before);
    test.room.publish(value(test.conversation.membership.add(ada, [bob])));
    say(after);
    return work(test);
  });
const member = (test: TestRoom, user: string) => {
  const row = test.conversation.members.current(user);
  if (row === undefined) throw new Error('not a member');
  return row;
};
const seqs = (events: { seq: number }[]) => events.map((event) => event.seq);
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe('the log from a seq on', () => {
  it('comes in pages that join on without holes, and says when there is no more', async () => {
    await withHistory('all', { before: 25, after: 0 }, (test) => {
      let held = 0;
      const got: number[] = [];
      for (let more = true; more; ) {
        const text = pageJson(
          test.conversation,
          pageAfter(test.conversation, member(test, bob), { after: held, limit: 10 }),
        );
        const page = read(EventPage, text);
        expect(page).toMatchObject({ head_seq: 27, epoch: test.conversation.chat.epoch });
        got.push(...seqs(page.items));
        held = page.items.at(-1)?.seq ?? held;
        more = page.has_more;
      }
      expect(got).toEqual(range(1, 27));
    });
  });

  it('of a joiner who may not see the time before: a hole with its reason, then what they may see', async () => {
    await withHistory('joined', { before: 5, after: 3 }, (test) => {
      const page = (after: number) =>
        read(
          EventPage,
          pageJson(test.conversation, pageAfter(test.conversation, member(test, bob), { after, limit: 50 })),
        );
      expect(page(0)).toMatchObject({ holes: [{ from_seq: 1, to_seq: 6, reason: 'before_join' }], has_more: false });
      expect(seqs(page(0).items)).toEqual([7, 8, 9, 10]);
      expect(page(3).holes).toEqual([{ from_seq: 4, to_seq: 6, reason: 'before_join' }]);
      expect(page(6).holes).toBeUndefined();
      expect(seqs(page(8).items)).toEqual([9, 10]);
    });
  });

  it('at the head is empty; beyond it, it is another history: the newest page and `reset`', async () => {
    await withHistory('joined', { before: 5, after: 3 }, (test) => {
      const page = (after: number) => {
        const text = pageFrame(test.conversation, pageAfter(test.conversation, member(test, bob), { after, limit: 2 }));
        return read(EventsFrame, text);
      };
      expect(page(10)).toMatchObject({ events: [], has_more: false });
      expect(page(10).reset).toBeUndefined();
      expect(page(11)).toMatchObject({
        reset: true,
        has_more: false,
        holes: [{ from_seq: 1, to_seq: 6, reason: 'before_join' }],
      });
      expect(seqs(page(11).events)).toEqual([9, 10]);
    });
  });

  it('never exceeds its bytes, however long the messages: neither as a page, nor as a reset, nor without a limit of bytes', async () => {
    await withHistory('all', { before: 300, after: 0, text: 'x'.repeat(LIMITS.contentBytes) }, (test) => {
      const { conversation } = test;
      const size = (after: number, limits: { limit: number; bytes?: number }) =>
        pageJson(conversation, pageAfter(conversation, member(test, bob), { after, ...limits })).length;
      expect(size(0, { limit: 500, bytes: 100_000 })).toBeLessThan(110_000);
      expect(size(999, { limit: 500, bytes: 100_000 })).toBeLessThan(110_000);
      expect(size(0, { limit: 500 })).toBeLessThan(3 * 1024 * 1024);
      expect(size(999, { limit: 500 })).toBeLessThan(3 * 1024 * 1024);
      expect(messagePageJson(conversation, member(test, bob), { limit: 500 }).length).toBeLessThan(3 * 1024 * 1024);
      const catchUp = (after: number) =>
        catchUpParts(conversation, catchUpPage(conversation, member(test, bob), after, 100_000));
      for (const after of [0, 150, 999]) expect(catchUp(after).events.length).toBeLessThan(110_000);
      const reset = pageAfter(conversation, member(test, bob), { after: 999, limit: 500, bytes: 100_000 });
      expect([reset.last, reset.hasMore, reset.reset]).toEqual([302, false, true]);
    });
  });
});

describe('a page that several ask for', () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ what: fc.constant('page'), n: fc.constantFrom(0, 12, 16) }) },
    { weight: 1, arbitrary: fc.record({ what: fc.constant('say'), n: fc.nat() }) },
    {
      weight: 2,
      arbitrary: fc.record({ what: fc.constantFrom('recall', 'expire', 'undo', 'restart'), n: fc.nat({ max: 24 }) }),
    },
  );

  it('is for each what the log is then: whatever was said, recalled, erased or undone since another had it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), (steps) =>
        withHistory('joined', { before: 12, after: 12 }, (test) => {
          for (const { what, n } of steps) {
            const { conversation } = test;
            const { log } = conversation;
            const seq = 1 + (n % log.head);
            const say = () =>
              conversation.send(ada, { kind: 'text', content: 'y', client_id: `s${log.head}` }, test.clock.now);
            if (what === 'say') value(say());
            if (what === 'recall' && log.at(seq)?.type === 'message') {
              conversation.changeMessage(ada, { seq, change: { type: 'recall' } }, test.clock.now);
            }
            if (what === 'expire') conversation.transaction(() => log.gone(seq, 'expired'));
            if (what === 'undo') {
              expect(() =>
                conversation.transaction(() => {
                  say();
                  log.gone(seq, 'expired');
                  throw new Error('undone');
                }),
              ).toThrow('undone');
            }
            if (what === 'restart') test.restart();
            if (what !== 'page') continue;
            for (const user of [ada, bob]) {
              const own = member(test, user);
              const after = Math.min(n, test.conversation.log.head);
              const text = pageJson(test.conversation, pageAfter(test.conversation, own, { after, limit: 4 }));
              const from = Math.max(after, own.visible_from - 1);
              const { events, holes } = eventsAndHoles(test.conversation.log.after(from, 4).rows);
              const page = read(EventPage, text);
              expect(page.items.map((event) => JSON.stringify(event))).toEqual(
                events.map((event) => JSON.stringify(ChatEvent.parse(JSON.parse(event)))),
              );
              expect(page.holes ?? []).toEqual([...holesBefore(after, own.visible_from), ...holes]);
              expect(page.head_seq).toBe(test.conversation.log.head);
              const last = Math.max(0, ...seqs(page.items), ...(page.holes ?? []).map(({ to_seq }) => to_seq));
              expect(page.has_more).toBe(Math.max(last, after) < test.conversation.log.head);
            }
          }
        }),
      ),
      { numRuns: 40 },
    );
  });
});

describe('catching up', () => {
  it('brings everything missed in one page when it fits, and says when it does not', async () => {
    await withHistory('all', { before: 40, after: 0 }, (test) => {
      const page = (after: number, bytes: number) => {
        const { head, events } = catchUpParts(
          test.conversation,
          catchUpPage(test.conversation, member(test, bob), after, bytes),
        );
        return { head: read(ChatHead, head), events: seqs(read(ChatEvent.array(), events)) };
      };
      expect(page(2, 1e6)).toMatchObject({ events: range(3, 42), head: { head_seq: 42, has_more: false } });
      expect(page(2, 3000).head.has_more).toBe(true);
      expect(page(2, 3000).events[0]).toBe(3);
      expect(page(42, 1e6)).toMatchObject({ events: [], head: { has_more: false } });
      expect(page(43, 1e6).head.reset).toBe(true);
    });
  });

  it('from too far behind: the newest page and `reset`; from one event less: everything', async () => {
    await withHistory('all', { before: LIMITS.resetAfter + 10, after: 0 }, (test) => {
      const { conversation } = test;
      const head = conversation.log.head;
      const far = catchUpPage(conversation, member(test, bob), head - LIMITS.resetAfter - 1, 1e9);
      expect([far.reset, far.hasMore, far.events.length, far.last]).toEqual([true, false, LIMITS.pageMax, head]);
      const near = catchUpPage(conversation, member(test, bob), head - LIMITS.resetAfter, 1e9);
      expect([near.reset, near.hasMore, near.events.length, near.last]).toEqual([
        false,
        false,
        LIMITS.resetAfter,
        head,
      ]);
      const other = catchUpPage(conversation, member(test, bob), head + 1, 1e9);
      expect([other.reset, other.events.length]).toEqual([true, LIMITS.pageMax]);
    });
  });

  it('is not too far for one who joined late: what they may not see is not missed', async () => {
    await withHistory('joined', { before: LIMITS.resetAfter + 10, after: 3 }, (test) => {
      const page = catchUpPage(test.conversation, member(test, bob), 0, 1e6);
      expect([page.reset, page.events.length]).toEqual([false, 4]);
    });
  });
});

describe('messages', () => {
  it('are read back from the newest, not before the join point, in ascending order', async () => {
    await withHistory('joined', { before: 5, after: 5 }, (test) => {
      const page = (which: { before?: number; after?: number; limit: number }) => {
        const { items, has_more } = read(MessagePage, messagePageJson(test.conversation, member(test, bob), which));
        return [seqs(items), has_more];
      };
      expect(page({ limit: 2 })).toEqual([[11, 12], true]);
      expect(page({ limit: 3, before: 11 })).toEqual([[8, 9, 10], false]);
      expect(page({ limit: 3, after: 0 })).toEqual([[8, 9, 10], true]);
      expect(page({ limit: 3, after: 12 })).toEqual([[], false]);
    });
  });
});
