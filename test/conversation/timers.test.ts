import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { timestamp } from '../../src/clock.ts';
import { Alarms } from '../../src/conversation/alarms.ts';
import { pageAfter } from '../../src/conversation/pages.ts';
import { updateRetention } from '../../src/conversation/retention.ts';
import { signTicket, TICKET_TTL_MS } from '../../src/files/ticket.ts';
import { newId } from '../../src/ids.ts';
import type { SendMessage } from '../../src/protocol/messages.ts';
import { SENT } from '../support/kinds.ts';
import { answered, messagesNow } from '../support/messages.ts';
import { codeOf, newUser, overStorage } from '../support/objects.ts';
import { TestRoom, TICKET_KEYS } from '../support/room.ts';

const [ada, bob] = [newUser(), newUser()];
const MINUTE = 60_000;

const inRoom = <T>(work: (test: TestRoom) => Promise<T>): Promise<T> =>
  overStorage((storage) => {
    const test = new TestRoom(storage);
    test.create([ada, bob]);
    return work(test);
  });
const timer = (test: TestRoom, seconds: number | null) =>
  test.publish(updateRetention(test.conversation, ada, { message_timer: seconds }));
const everything = (test: TestRoom): string =>
  ['events', 'message_state', 'scheduled', 'reactions', 'pins', 'edits', 'mentions', 'expiring']
    .map((table) => JSON.stringify(test.storage.sql.exec(`SELECT * FROM ${table}`).toArray()))
    .join();
const texts = (test: TestRoom, reader = bob) => [...messagesNow(test, reader).values()].map(({ content }) => content);
const schedule = (test: TestRoom, client_id: string, wait: number, content = client_id, user = ada) =>
  test.room.ask(user, {
    type: 'schedule',
    send_at: timestamp(test.clock.now + wait),
    message: { kind: 'text', content, client_id },
  });

describe('a message with a timer', () => {
  it('is erased by the alarm, with all that was said of it; marks and counts stay; the next preview shows', async () => {
    await inRoom(async (test) => {
      await test.sent(ada, 'stays');
      timer(test, 60);
      const seq = await test.sent(ada, 'SECRET', { mentions: [bob] });
      await test.change(ada, seq, { type: 'edit', content: 'SECRET still', mentions: [bob] });
      await test.change(bob, seq, { type: 'react', emoji: '👍' });
      await test.change(bob, seq, { type: 'pin' });
      timer(test, null);
      const before = test.conversation.notice(bob);
      await test.ringUntilQuiet();
      expect(everything(test)).not.toContain('SECRET');
      const notice = test.conversation.notice(bob);
      expect([notice?.messages, notice?.member?.read_messages]).toEqual([2, before?.member?.read_messages]);
      expect([notice?.mentions, notice?.last_message?.content]).toEqual([[], 'stays']);
      expect(test.inboxes.last(bob)).toMatchObject({ mentions: [], last_message: { content: 'stays' } });
      const member = test.conversation.members.current(bob);
      if (member === undefined) throw new Error('a member');
      const page = pageAfter(test.conversation, member, { after: 0, limit: 100 });
      expect(page.holes).toEqual([{ from_seq: seq, to_seq: seq + 1, reason: 'expired' }]);
      expect(page.events.join()).not.toContain('SECRET');
    });
  });

  it('is not read any more from its time on, alarm or not; one that was sent before the timer stays', async () => {
    await inRoom(async (test) => {
      await test.sent(ada, 'before');
      timer(test, 60);
      await test.sent(ada, 'with');
      test.clock.pass(MINUTE - 1);
      test.room.attend();
      expect(texts(test)).toEqual(['before', 'with']);
      test.clock.pass(1);
      test.room.attend();
      expect(texts(test)).toEqual(['before']);
    });
  });

  it('is gone for whoever asks in any other way, alarm or not: its file, the preview of its channel', async () => {
    await overStorage(async (storage) => {
      const test = new TestRoom(storage);
      test.create([ada, bob], { type: 'PublicChannel' });
      timer(test, 60);
      const seq = await SENT.image.send(test, ada, 'first.png');
      const id = messagesNow(test, bob).get(seq)?.files?.[0]?.id ?? '';
      expect(codeOf(test.room.file(bob, id))).toBe('ok');
      test.clock.pass(MINUTE);
      test.restart();
      expect(codeOf(test.room.file(bob, id))).toBe('not_found');
      await SENT.image.send(test, ada, 'second.png');
      const shown = () => JSON.stringify(test.manage(newUser(), { do: 'preview' }));
      expect(shown()).toContain('second.png');
      test.clock.pass(MINUTE);
      expect(shown()).not.toContain('second.png');
    });
  });

  it('survives restarts, and a clock that is set back waits again', async () => {
    await inRoom(async (test) => {
      timer(test, 60);
      await test.sent(ada, 'x');
      await test.ringUntilQuiet().catch(() => undefined);
      await test.sent(ada, 'y');
      test.clock.pass(-30 * MINUTE);
      test.restart();
      void test.room.alarm();
      expect(texts(test)).toEqual(['y']);
      test.clock.pass(32 * MINUTE);
      test.restart();
      void test.room.alarm();
      expect(texts(test)).toEqual([]);
    });
  });

  it('takes its thread with it', async () => {
    await inRoom(async (test) => {
      timer(test, 60);
      const root = await test.sent(ada, 'root');
      timer(test, null);
      await test.sent(bob, 'reply', { thread_seq: root });
      await test.sent(bob, 'both', { thread_seq: root, also_to_chat: true });
      test.clock.pass(MINUTE);
      test.room.attend();
      expect(texts(test)).toEqual(['both']);
      expect(everything(test)).not.toContain('"reply"');
    });
  });

  it('sent again after its time is not sent anew', async () => {
    await inRoom(async (test) => {
      timer(test, 60);
      const seq = await test.sent(ada, 'x', { client_id: 'x' });
      test.clock.pass(MINUTE);
      const again = await test.send(ada, 'x', { client_id: 'x' });
      expect(again).toMatchObject({ ok: true, value: { duplicate: true, row: { seq } } });
    });
  });
});

describe('a message that is sent later', () => {
  it('is sent by the alarm under its client_id, once, after whatever restarts', async () => {
    await inRoom(async (test) => {
      schedule(test, 'later', 10 * MINUTE);
      test.restart();
      await test.ringUntilQuiet();
      expect(texts(test)).toEqual(['later']);
      expect(test.clock.now).toBeGreaterThanOrEqual(Date.UTC(2026, 10, 21, 8, 10));
      const again = await test.send(ada, 'later', { client_id: 'later' });
      expect(again).toMatchObject({ ok: true, value: { duplicate: true } });
      expect(answered(test, ada, { type: 'scheduled' })).toEqual({ items: [] });
    });
  });

  it('can be changed and cancelled until then, by its author alone', async () => {
    await inRoom(async (test) => {
      schedule(test, 'a', MINUTE, 'first wording');
      schedule(test, 'a', 2 * MINUTE, 'second wording');
      schedule(test, 'b', MINUTE);
      expect(codeOf(test.room.ask(bob, { type: 'cancel', client_id: 'b' }))).toBe('not_found');
      expect(answered(test, bob, { type: 'scheduled' })).toEqual({ items: [] });
      expect(codeOf(test.room.ask(ada, { type: 'cancel', client_id: 'b' }))).toBe('ok');
      test.clock.pass(MINUTE);
      test.room.attend();
      expect(texts(test)).toEqual([]);
      await test.ringUntilQuiet();
      expect(texts(test)).toEqual(['second wording']);
      expect(codeOf(schedule(test, 'a', MINUTE))).toBe('conflict');
    });
  });

  it('that is refused when its time comes stays with the reason, and holds up no other', async () => {
    await inRoom(async (test) => {
      schedule(test, 'left', MINUTE, 'x', bob);
      schedule(test, 'stays', 2 * MINUTE);
      test.publish(test.conversation.membership.remove(bob, bob));
      await test.ringUntilQuiet();
      expect(texts(test, ada)).toEqual(['stays']);
      test.publish(test.conversation.membership.add(ada, [bob]));
      expect(answered(test, bob, { type: 'scheduled' })).toMatchObject({ items: [{ failure: { code: 'not_found' } }] });
      schedule(test, 'left', MINUTE, 'back', bob);
      await test.ringUntilQuiet();
      expect(texts(test, ada)).toContain('back');
    });
  });

  it('waits on where its author has to, and is sent then', async () => {
    await inRoom(async (test) => {
      schedule(test, 'patient', MINUTE, 'x', bob);
      const bobs = test.conversation.members.current(bob);
      if (bobs === undefined) throw new Error('a member');
      test.conversation.members.put({ ...bobs, muted_until: test.clock.now + 10 * MINUTE });
      test.clock.pass(MINUTE);
      test.room.attend();
      expect(texts(test)).toEqual([]);
      await test.ringUntilQuiet();
      expect(texts(test)).toEqual(['x']);
    });
  });

  it('is for a time ahead, and not too far', async () => {
    await inRoom(async (test) => {
      expect(codeOf(schedule(test, 'x', 0))).toBe('invalid');
      expect(codeOf(schedule(test, 'x', 400 * 24 * 60 * MINUTE))).toBe('invalid');
      expect(codeOf(schedule(test, 'x', MINUTE, 'x', newUser()))).toBe('not_found');
    });
  });

  it('is one that could be sent: of its kind, with tickets that are good at its time', async () => {
    await inRoom(async (test) => {
      const later = (message: Partial<Omit<SendMessage, 'client_id'>>, wait = MINUTE) =>
        test.room.ask(ada, {
          type: 'schedule',
          send_at: timestamp(test.clock.now + wait),
          message: { kind: 'text', content: '', client_id: 'x', ...message },
        });
      expect(codeOf(later({}))).toBe('invalid');
      expect(codeOf(later({ kind: 'poll', content: '?' }))).toBe('invalid');
      const about = { id: newId('file'), name: 'a', size: 1, type: 'image/png', sha256: 'a'.repeat(64), inline: true };
      const claims = { chat_id: test.conversation.chat.id, file: { ...about, created_at: timestamp(test.clock.now) } };
      const ticketOf = (user_id: string) => signTicket(TICKET_KEYS, { ...claims, user_id }, test.clock.now).ticket;
      const image = (user: string) => ({ kind: 'image' as const, files: [ticketOf(user)] });
      expect(codeOf(later(image(bob)))).toBe('invalid');
      expect(codeOf(later(image(ada), TICKET_TTL_MS + MINUTE))).toBe('invalid');
      expect(codeOf(later(image(ada), TICKET_TTL_MS - MINUTE))).toBe('ok');
      await test.ringUntilQuiet();
      expect([...messagesNow(test, bob).values()]).toMatchObject([{ kind: 'image', files: [{ id: about.id }] }]);
    });
  });

  it('that was sent by hand meanwhile is not sent again', async () => {
    await inRoom(async (test) => {
      schedule(test, 'x', MINUTE);
      await test.send(ada, 'x', { client_id: 'x' });
      await test.ringUntilQuiet();
      expect(texts(test)).toEqual(['x']);
    });
  });
});

describe('whatever has a time', () => {
  const SECONDS = 60;
  type Step = { do: 'send' | 'restart' | 'ring' | 'attend' } | { do: 'schedule' | 'jump'; ms: number };
  const ms = fc.integer({ min: -20 * MINUTE, max: 40 * MINUTE });
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ do: fc.constantFrom('send' as const, 'restart' as const, 'ring' as const, 'attend' as const) }),
    fc.record({ do: fc.constant('schedule' as const), ms: fc.integer({ min: 1, max: 30 * MINUTE }) }),
    fc.record({ do: fc.constant('jump' as const), ms }),
  );

  it('comes when it is due by the clock as it is, once, whatever jumps and restarts there are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        await inRoom(async (test) => {
          timer(test, SECONDS);
          const due = new Map<string, number>();
          const gone = new Set<string>();
          const ends = new Map<string, number>();
          const look = () => {
            // Nobody reads or writes without this.
            test.room.attend();
            const { now } = test.clock;
            const { next } = test.conversation.timers;
            if (next !== undefined)
              expect(test.inboxes.alarmAt ?? Number.POSITIVE_INFINITY).toBeLessThanOrEqual(next + 2);
            const shown = new Map([...messagesNow(test, bob).values()].map((message) => [message.client_id, message]));
            for (const [id, at] of due) {
              if (at > now && !ends.has(id)) expect(shown.has(id)).toBe(false);
              if (at <= now && !ends.has(id)) ends.set(id, now + SECONDS * 1000);
            }
            for (const [id, at] of ends) {
              if (at <= now) gone.add(id);
              // Once it is gone, no clock brings it back.
              expect([id, shown.has(id)]).toEqual([id, !gone.has(id)]);
            }
          };
          for (const [index, one] of steps.entries()) {
            const id = `m${index}`;
            if (one.do === 'send') {
              look();
              await test.sent(ada, 'x', { client_id: id });
              ends.set(id, test.clock.now + SECONDS * 1000);
            } else if (one.do === 'schedule') {
              look();
              if (schedule(test, id, one.ms, 'x').ok) due.set(id, test.clock.now + one.ms);
            } else if (one.do === 'jump') test.clock.pass(one.ms);
            else if (one.do === 'restart') test.restart();
            else if (one.do === 'ring') test.ring();
            look();
          }
          // Without another word from anybody, the alarm does the rest.
          for (let rings = 0; rings < 100 && test.conversation.timers.next !== undefined; rings++) {
            test.clock.pass(30 * MINUTE);
            expect(test.ring()).toBe(true);
            await test.inboxes.settled();
          }
          expect(messagesNow(test, bob).size).toBe(0);
          expect(answered(test, ada, { type: 'scheduled' })).toEqual({ items: [] });
          const names = test.storage.sql
            .exec<{ client_id: string }>("SELECT client_id FROM events WHERE client_id LIKE 'm%'")
            .toArray()
            .map((row) => row.client_id);
          expect(names.toSorted()).toEqual(
            [...ends.keys(), ...[...due.keys()].filter((id) => !ends.has(id))].toSorted(),
          );
        });
      }),
      { numRuns: 40 },
    );
  });
});

describe('the one alarm', () => {
  it('that waits for a far time makes no room that wakes tell everybody again', async () => {
    await inRoom(async (test) => {
      schedule(test, 'far', 1000 * MINUTE);
      await test.sent(ada, 'now');
      await test.inboxes.settled();
      test.ring();
      await test.inboxes.settled();
      const told = test.inboxes.count(bob);
      expect(test.inboxes.alarmAt).toBeGreaterThan(test.clock.now + 900 * MINUTE);
      test.restart();
      await test.inboxes.settled();
      expect(test.inboxes.count(bob)).toBe(told);
      await test.sent(ada, 'again');
      test.restart();
      await test.inboxes.settled();
      expect(test.inboxes.count(bob)).toBeGreaterThan(told + 1);
    });
  });

  it('comes for whatever is first, and says after any restart whether it guards', () => {
    const step = fc.oneof(
      fc.record({ type: fc.constant('guard' as const), at: fc.integer({ min: 1000, max: 2000 }) }),
      fc.record({ type: fc.constant('time' as const), at: fc.option(fc.integer({ min: 1000, max: 2000 })) }),
      fc.record({ type: fc.constant('ring' as const) }),
      fc.record({ type: fc.constant('restart' as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        let stored: number | null = null;
        const set = (at: number) => {
          stored = at;
        };
        let alarms = new Alarms(set);
        let timed: number | undefined;
        let guard: number | undefined;
        for (const one of steps) {
          if (one.type === 'guard') {
            // As the fan-out asks: only for an earlier one than is set.
            if (guard !== undefined && guard <= one.at) continue;
            guard = one.at;
            alarms.guard(one.at);
          } else if (one.type === 'time') {
            timed = one.at ?? undefined;
            alarms.time(timed);
          } else if (one.type === 'ring') {
            stored = null;
            guard = undefined;
            alarms.rang();
            alarms.time(timed);
          } else {
            alarms = new Alarms(set);
            const guards = alarms.resume(stored, timed);
            if (guard !== undefined) expect(guards).toBe(true);
            if (guards) guard = stored ?? undefined;
          }
          const first = Math.min(guard ?? Number.POSITIVE_INFINITY, timed ?? Number.POSITIVE_INFINITY);
          if (first !== Number.POSITIVE_INFINITY)
            expect(stored ?? Number.POSITIVE_INFINITY).toBeLessThanOrEqual(first + 2);
        }
      }),
    );
  });
});
