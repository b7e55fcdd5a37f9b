import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BUSY_GUARD_MS, GUARD_MS } from '../../src/conversation/fanout.ts';
import { TIER_LIMITS } from '../../src/conversation/tiers.ts';
import { EventsFrame } from '../../src/protocol/frames.ts';
import { codeOf, eventually, identity, newConversation, newUsers, overStorage, value } from '../support/objects.ts';
import { TestRoom } from '../support/room.ts';

const inRoom = <T>(work: (room: TestRoom) => Promise<T>): Promise<T> =>
  overStorage((storage) => work(new TestRoom(storage)));

const eventsOf = (frame: string) => EventsFrame.parse(JSON.parse(frame)).events;

const eventuallyTold = (test: TestRoom, user: string, seq: number) =>
  eventually(`${user} is told of ${seq}`, () => test.inboxes.head(user) >= seq);

describe('a small room', () => {
  it('tells every member of what happens, and has nothing left to tell then', async () => {
    const users = newUsers(5);
    await inRoom(async (test) => {
      test.create(users);
      const seq = await test.sent(users[0] ?? '');
      await test.ringUntilQuiet();
      for (const user of users) expect(test.inboxes.head(user)).toBe(seq);
      expect(test.rows('outbox')).toBe(0);
      expect(test.conversation.chat.told_through).toBe(seq);
    });
  });

  it('falls silent: the alarm rings once after the last message, and nobody is told anything by it', async () => {
    const users = newUsers(5);
    await inRoom(async (test) => {
      test.create(users);
      await test.sent(users[0] ?? '');
      await test.inboxes.settled();
      const told = users.map((user) => test.inboxes.count(user));
      expect(await test.ringUntilQuiet()).toBe(1);
      expect(users.map((user) => test.inboxes.count(user))).toEqual(told);
    });
  });

  it('sets its alarm in the turn of the append, less than ten seconds ahead', async () => {
    const users = newUsers(2);
    await inRoom(async (test) => {
      test.create(users);
      await test.ringUntilQuiet();
      const sending = test.send(users[0] ?? '');
      expect(test.inboxes.alarmAt).toBe(test.clock.now + GUARD_MS);
      await sending;
    });
  });

  it('that is busy sets its next alarm with the alarm, so that no message waits for it, and one more when it falls silent', async () => {
    const users = newUsers(2);
    const [ada = ''] = users;
    await inRoom(async (test) => {
      test.create(users);
      await test.ringUntilQuiet();
      await test.sent(ada);
      for (let i = 0; i < 3; i++) {
        test.clock.now = (test.inboxes.alarmAt ?? 0) - 1000;
        await test.sent(ada);
        expect(test.ring()).toBe(true);
        expect(test.inboxes.alarmAt).toBe(test.clock.now + BUSY_GUARD_MS);
        const set = test.inboxes.alarmsSet;
        await test.sent(ada);
        expect(test.inboxes.alarmsSet, 'it guards what comes next').toBe(set);
      }
      await test.inboxes.settled();
      const told = users.map((user) => test.inboxes.count(user));
      expect(await test.ringUntilQuiet()).toBe(1);
      expect(users.map((user) => test.inboxes.count(user))).toEqual(told);
      // A clock that is set back does not make it busy for as long as that lasts.
      await test.sent(ada);
      await test.inboxes.settled();
      test.clock.now -= 86_400_000;
      test.inboxes.alarmAt = test.clock.now;
      expect(test.ring()).toBe(true);
      expect(test.inboxes.alarmAt).toBe(test.clock.now + BUSY_GUARD_MS);
      expect(test.ring()).toBe(true);
      expect(test.inboxes.alarmAt).toBeUndefined();
    });
  });

  describe('somebody in the room, on a socket of it', () => {
    /** Ada and Bob; Bob comes into the room. */
    async function withBobHere(
      work: (test: TestRoom, ada: string, bob: string, leave: () => void, socket: WebSocket) => Promise<void>,
    ) {
      const users = newUsers(2);
      const [ada = '', bob = ''] = users;
      await inRoom(async (test) => {
        test.create(users);
        await test.ringUntilQuiet();
        const { 1: socket } = new WebSocketPair();
        socket.accept();
        test.room.connections.add(socket, identity(bob));
        await work(test, ada, bob, () => test.room.connections.delete(socket), socket);
      });
    }

    it('without a device elsewhere is told once that their inbox has to ask, and no more until they leave', async () => {
      await withBobHere(async (test, ada, bob, leave) => {
        const before = test.inboxes.count(bob);
        await test.say(ada, 5);
        expect(test.inboxes.count(bob)).toBe(before + 1);
        expect(test.inboxes.last(bob)).toMatchObject({ armed: false });
        leave();
        await test.say(ada, 1);
        expect(test.inboxes.head(bob)).toBe(test.conversation.log.head);
        expect(test.inboxes.last(bob)).toMatchObject({ armed: true });
      });
    });

    it('is told no more in later lives of the room either, while their socket lasts', async () => {
      await withBobHere(async (test, ada, bob, leave, socket) => {
        await test.say(ada, 1);
        const before = test.inboxes.count(bob);
        for (const quiet of [true, false, true]) {
          if (quiet) await test.ringUntilQuiet();
          test.restart([socket]);
          await test.say(ada, 3);
        }
        expect(test.inboxes.count(bob)).toBe(before);
        expect(test.inboxes.head(ada), 'others are').toBeGreaterThan(test.inboxes.head(bob));
        test.restart([socket]);
        leave();
        await test.say(ada, 1);
        expect(test.inboxes.last(bob)).toMatchObject({ armed: true, chat: { head_seq: test.conversation.log.head } });
      });
    });

    it('of whose socket is closed but its far side has not agreed: they are gone, and are told', async () => {
      await withBobHere(async (test, ada, bob, _leave, socket) => {
        await test.say(ada, 1);
        await test.ringUntilQuiet();
        socket.close(1000);
        test.restart([socket]);
        expect(test.room.connections.size).toBe(0);
        await test.say(ada, 1);
        expect(test.inboxes.last(bob)).toMatchObject({ armed: true, chat: { head_seq: test.conversation.log.head } });
      });
    });

    it('is told again after some minutes, once: their socket may have nobody behind it any more', async () => {
      await withBobHere(async (test, ada, bob, _leave, socket) => {
        await test.say(ada, 1);
        for (let told = 0; told < 3; told++) {
          const before = test.inboxes.count(bob);
          await test.ringUntilQuiet();
          test.clock.pass(4 * 60_000);
          test.restart([socket]);
          await test.say(ada, 1);
          expect(test.inboxes.count(bob)).toBe(before);
          await test.ringUntilQuiet();
          test.clock.pass(60_000);
          test.restart([socket]);
          await test.say(ada, 3);
          expect(test.inboxes.count(bob)).toBe(before + 1);
          expect(test.inboxes.last(bob)).toMatchObject({ armed: false });
        }
      });
    });

    it('is told again where their socket has ended with the life of the room', async () => {
      await withBobHere(async (test, ada, bob) => {
        await test.say(ada, 1);
        const before = test.inboxes.count(bob);
        await test.say(ada, 1);
        expect(test.inboxes.count(bob)).toBe(before);
        test.restart();
        await test.inboxes.settled();
        expect(test.inboxes.head(bob), 'of what may not have reached them').toBe(test.conversation.log.head);
        await test.say(ada, 1);
        expect(test.inboxes.head(bob)).toBe(test.conversation.log.head);
      });
    });

    it('is told again in every later life when their inbox has asked, or a device has come there', async () => {
      await withBobHere(async (test, ada, bob, _leave, socket) => {
        await test.say(ada, 1);
        test.inboxes.devices.set(bob, 1);
        expect(test.room.look(bob)).toMatchObject({ armed: true });
        for (let life = 0; life < 3; life++) {
          await test.ringUntilQuiet();
          test.restart([socket]);
          await test.say(ada, 2);
          expect(test.inboxes.last(bob)).toMatchObject({ chat: { head_seq: test.conversation.log.head } });
        }
        expect(test.inboxes.last(bob)).toMatchObject({ armed: true });
      });
    });

    it('whatever order things come in: an inbox that was not told to ask hears of everything', async () => {
      const often = ['say', 'say', 'say', 'come', 'device', 'no device', 'restart'] as const;
      const step = fc.constantFrom(...often, 'crash', 'leave', 'mention', 'ring');
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60 }), async (steps) => {
          const users = newUsers(2);
          const [ada = '', bob = ''] = users;
          await inRoom(async (test) => {
            test.create(users);
            let sockets: WebSocket[] = [];
            // As an inbox has it: told that it has to ask, with no device there to ask for.
            let waits = false;
            test.inboxes.after = (user, { armed }) => {
              if (user === bob) waits = !armed && (waits || test.inboxes.devices.get(bob) === undefined);
            };
            const say = async (fields = {}) => {
              await test.sent(ada, 'x', fields);
              await test.inboxes.settled();
            };
            for (const each of [...steps, 'say']) {
              if (each === 'say') await say();
              if (each === 'mention') await say({ mentions: [bob] });
              if (each === 'ring') await test.ringUntilQuiet();
              if (each === 'restart') test.restart(sockets);
              if (each === 'crash') {
                sockets = [];
                test.restart();
              }
              if (each === 'leave') {
                for (const socket of sockets.splice(0)) test.room.connections.delete(socket);
              }
              if (each === 'come') {
                const { 1: socket } = new WebSocketPair();
                socket.accept();
                sockets.push(socket);
                test.room.connections.add(socket, identity(bob));
              }
              if (each === 'no device') test.inboxes.devices.delete(bob);
              if (each === 'device') {
                test.inboxes.devices.set(bob, 1);
                if (waits) test.room.look(bob);
                waits = false;
              }
              await test.inboxes.settled();
              if (each === 'say' && !waits) expect(test.inboxes.head(bob)).toBe(test.conversation.log.head);
            }
          });
        }),
        { numRuns: 60 },
      );
    });

    it('with a device elsewhere is told there of everything', async () => {
      await withBobHere(async (test, ada, bob) => {
        test.inboxes.devices.set(bob, 1);
        const before = test.inboxes.count(bob);
        await test.say(ada, 5);
        expect(test.inboxes.count(bob)).toBe(before + 5);
        expect(test.inboxes.last(bob)).toMatchObject({ armed: true });
      });
    });

    it('who looks is told once more, and of everything if a device has come', async () => {
      await withBobHere(async (test, ada, bob) => {
        await test.say(ada, 2);
        const before = test.inboxes.count(bob);
        expect(test.room.look(bob)).toMatchObject({ armed: true });
        await test.say(ada, 2);
        expect(test.inboxes.count(bob)).toBe(before + 1);
        test.inboxes.devices.set(bob, 1);
        test.room.look(bob);
        await test.say(ada, 2);
        expect(test.inboxes.count(bob)).toBe(before + 3);
      });
    });

    it('who leaves while they are told that goes on being told', async () => {
      await withBobHere(async (test, ada, bob, leave) => {
        test.inboxes.after = (user) => (user === bob ? leave() : undefined);
        await test.say(ada, 2);
        test.inboxes.after = () => undefined;
        await test.say(ada, 1);
        expect(test.inboxes.head(bob)).toBe(test.conversation.log.head);
        expect(test.inboxes.last(bob)).toMatchObject({ armed: true });
      });
    });

    it('who is mentioned is told all the same', async () => {
      await withBobHere(async (test, ada, bob) => {
        await test.say(ada, 2);
        const seq = await test.sent(ada, 'hello', { mentions: [bob] });
        await test.inboxes.settled();
        expect(test.inboxes.head(bob)).toBe(seq);
      });
    });
  });

  it('makes one call to a user at a time, and what comes meanwhile goes with the next one', async () => {
    const users = newUsers(2);
    const [ada = '', bob = ''] = users;
    await inRoom(async (test) => {
      test.create(users);
      await test.ringUntilQuiet();
      let running = 0;
      let most = 0;
      test.inboxes.devices.set(bob, 1);
      test.inboxes.before = async (user) => {
        if (user !== bob) return;
        running += 1;
        most = Math.max(most, running);
        await scheduler.wait(20);
        running -= 1;
      };
      const before = test.inboxes.count(bob);
      let last = 0;
      for (let i = 0; i < 30; i++) last = await test.sent(ada);
      await test.inboxes.settled();
      expect(most).toBe(1);
      expect(test.inboxes.head(bob)).toBe(last);
      expect(test.inboxes.count(bob) - before).toBeLessThan(15);
    });
  });

  it('gives devices the events themselves, each exactly once and in order', async () => {
    const users = newUsers(2);
    const [ada = '', bob = ''] = users;
    await inRoom(async (test) => {
      test.inboxes.devices.set(bob, 1);
      test.create(users);
      for (let i = 0; i < 50; i++) await test.sent(ada, `text ${i}`);
      await test.inboxes.settled();
      const seqs = (test.inboxes.told.get(bob) ?? []).flatMap(({ frame }) =>
        frame === undefined ? [] : eventsOf(frame).map((event) => event.seq),
      );
      expect(seqs).toEqual(Array.from({ length: 51 }, (_, i) => i + 1));
    });
  });
});

/** A room of two in which nothing is to be told. */
const inQuietRoom = (work: (test: TestRoom, ada: string, bob: string) => Promise<void>): Promise<void> =>
  inRoom(async (test) => {
    const [ada = '', bob = ''] = newUsers(2);
    test.create([ada, bob]);
    await test.ringUntilQuiet();
    await work(test, ada, bob);
  });

describe('an inbox that cannot be told', () => {
  it.each([0, 1, 2, 3, 4])('takes nobody else down: recipient %i fails, the others know at once', async (failing) => {
    const users = newUsers(5);
    await inRoom(async (test) => {
      test.create(users);
      await test.ringUntilQuiet();
      test.inboxes.before = (user) => {
        if (user === users[failing]) throw new Error('unreachable');
      };
      const seq = await test.sent(users[0] ?? '');
      await test.inboxes.settled();
      for (const [index, user] of users.entries()) expect(test.inboxes.head(user)).toBe(index === failing ? 1 : seq);
      expect(test.rows('outbox')).toBe(1);
      test.inboxes.before = () => undefined;
      await test.ringUntilQuiet();
      expect(test.inboxes.head(users[failing] ?? '')).toBe(seq);
      expect(test.rows('outbox')).toBe(0);
    });
  });

  it('is not left for an hour where the clock was an hour ahead when it failed', async () => {
    await inQuietRoom(async (test, ada, bob) => {
      test.inboxes.before = (user) => {
        if (user === bob) throw new Error('unreachable');
      };
      test.publish(test.conversation.membership.remove(ada, bob));
      await test.inboxes.settled();
      expect(test.rows('outbox')).toBe(1);
      test.clock.now -= 3_600_000;
      // The alarm that it has set is an hour ahead: the next life brings one forward, and that one tries again.
      test.restart();
      expect(test.inboxes.alarmAt).toBe(test.clock.now + GUARD_MS);
      expect(test.ring()).toBe(true);
      expect(test.inboxes.alarmAt).toBeLessThanOrEqual(test.clock.now + GUARD_MS);
      await test.inboxes.settled();
      expect(test.rows('outbox')).toBe(1);
      test.inboxes.before = () => undefined;
      await test.ringUntilQuiet();
      expect(test.inboxes.last(bob)).toMatchObject({ member: null });
      expect(test.rows('outbox')).toBe(0);
    });
  });

  it('has no message wait for the alarm that is set for it', async () => {
    await inQuietRoom(async (test, ada) => {
      test.inboxes.before = () => {
        throw new Error('unreachable');
      };
      await test.sent(ada);
      for (let tries = 0; tries < 8; tries++) {
        test.ring();
        await test.inboxes.settled();
      }
      expect(test.inboxes.alarmAt).toBeGreaterThan(test.clock.now + 30_000);
      test.inboxes.before = () => undefined;
      await test.sent(ada);
      expect(test.inboxes.alarmAt).toBe(test.clock.now + GUARD_MS);
    });
  });

  it('is tried again, later and later, until it answers; the alarm never forgets it', async () => {
    await inQuietRoom(async (test, ada, bob) => {
      let failures = 0;
      const times: number[] = [];
      test.inboxes.before = (user) => {
        if (user !== bob) return;
        times.push(test.clock.now);
        if (failures < 12) {
          failures += 1;
          throw new Error('overloaded');
        }
      };
      const seq = await test.sent(ada);
      await test.ringUntilQuiet();
      expect(failures).toBe(12);
      expect(test.inboxes.head(bob)).toBe(seq);
      const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
      expect(gaps.slice(0, 4)).toEqual(gaps.slice(0, 4).toSorted((a, b) => a - b));
      expect(Math.max(...gaps)).toBeLessThanOrEqual(60_000);
      expect(gaps.at(-1)).toBeGreaterThan(30_000);
    });
  });

  it('is told by the next message already when it has come back by then', async () => {
    await inQuietRoom(async (test, ada, bob) => {
      test.inboxes.before = () => {
        throw new Error('unreachable');
      };
      await test.sent(ada);
      await test.inboxes.settled();
      test.inboxes.before = () => undefined;
      const seq = await test.sent(ada);
      await test.inboxes.settled();
      expect(test.inboxes.head(bob)).toBe(seq);
    });
  });

  it('that never answers is given up after half a minute and told again; it blocks nobody', async () => {
    const users = newUsers(3);
    const [ada = '', bob = '', cyd = ''] = users;
    await inRoom(async (test) => {
      test.create(users);
      await test.ringUntilQuiet();
      let hangs = true;
      test.inboxes.before = (user) => (user === bob && hangs ? new Promise(() => undefined) : undefined);
      const seq = await test.sent(ada);
      await eventuallyTold(test, cyd, seq);
      hangs = false;
      expect(test.ring()).toBe(true);
      expect(test.inboxes.lasting, 'the alarm goes on').toBeDefined();
      test.clock.now += 31_000;
      await eventually('the call is given up', () => test.inboxes.lasting === undefined);
      for (let i = 0; i < 10 && test.inboxes.head(bob) < seq; i++) {
        expect(test.ring()).toBe(true);
        await scheduler.wait(5);
      }
      expect(test.inboxes.head(bob)).toBe(seq);
      for (let i = 0; i < 3; i++) {
        test.ring();
        await scheduler.wait(5);
      }
      expect(test.inboxes.alarmAt).toBeUndefined();
      expect(test.rows('outbox')).toBe(0);
    });
  });

  it('however many never answer: the calls that hang do not use up the room', async () => {
    const users = newUsers(32);
    const [ada = '', last = ''] = [users[0], users.at(-1)];
    await inRoom(async (test) => {
      test.create(users);
      await test.ringUntilQuiet();
      // Ten generations of calls hang: more than the room may have under way at once.
      test.inboxes.before = (user) => (user === ada || user === last ? undefined : new Promise(() => undefined));
      for (let i = 0; i < 10; i++) {
        await test.sent(ada);
        for (let rings = 0; rings < 8; rings++) {
          test.ring();
          await scheduler.wait(1);
        }
      }
      const seq = await test.sent(ada);
      await eventuallyTold(test, last, seq);
    });
  });

  it('that answers late is told once: the alarm leaves what is under way alone', async () => {
    const users = newUsers(2);
    const [ada = '', bob = ''] = users;
    await inRoom(async (test) => {
      test.create(users);
      const seq = await test.sent(ada);
      await test.ringUntilQuiet();
      const told = test.inboxes.count(bob);
      const held = Promise.withResolvers<void>();
      test.inboxes.after = (user) => (user === bob ? held.promise : undefined);
      test.room.mark({ user: bob, read: seq });
      await scheduler.wait(5);
      expect(test.ring()).toBe(true);
      await scheduler.wait(50);
      expect(test.inboxes.count(bob)).toBe(told + 1);
      held.resolve();
      await test.ringUntilQuiet();
      expect(test.inboxes.count(bob)).toBe(told + 1);
      expect(test.rows('outbox')).toBe(0);
    });
  });
});

describe('a telling that takes longer than the alarm waits', () => {
  /** A room whose alarm has come while a member's inbox has not answered yet. */
  const whileTelling = (act: (test: TestRoom, users: string[], release: () => void, seq: number) => Promise<void>) =>
    inRoom(async (test) => {
      const users = newUsers(3);
      const [ada = '', bob = ''] = users;
      test.create(users);
      await test.ringUntilQuiet();
      const held = Promise.withResolvers<void>();
      test.inboxes.before = (user) => (user === bob ? held.promise : undefined);
      const seq = await test.sent(ada);
      expect(test.ring()).toBe(true);
      expect(test.inboxes.alarmAt, 'no other alarm is set').toBeUndefined();
      expect(test.inboxes.lasting).toBeDefined();
      await act(test, users, held.resolve, seq);
    });

  it('has the alarm last until all is told, and sets no other', () =>
    whileTelling(async (test, [, bob = ''], release, seq) => {
      await scheduler.wait(50);
      expect(test.inboxes.lasting, 'it lasts as long as the call does').toBeDefined();
      release();
      await eventually('it is over', () => test.inboxes.lasting === undefined);
      expect(test.inboxes.head(bob)).toBe(seq);
      expect(test.inboxes.alarmAt).toBeUndefined();
      test.restart();
      await test.inboxes.settled();
      expect(test.inboxes.count(bob), 'the next life tells nobody again').toBe(2);
    }));

  it('is told again by the next life when this one ends before', () =>
    whileTelling(async (test, [, bob = '', cyd = ''], _release, seq) => {
      test.inboxes.before = () => undefined;
      const told = test.inboxes.count(cyd);
      test.restart();
      // The alarm that has come is repeated a few times only: this life has one of its own.
      expect(test.inboxes.alarmAt).toBe(test.clock.now + GUARD_MS);
      await eventuallyTold(test, bob, seq);
      await eventually('all are told', () => test.inboxes.count(cyd) === told + 1);
    }));

  it('hands over to the alarm of the next message', () =>
    whileTelling(async (test, [ada = '', bob = ''], release) => {
      const seq = await test.sent(ada);
      expect(test.inboxes.alarmAt).toBe(test.clock.now + GUARD_MS);
      await scheduler.wait(50);
      expect(test.inboxes.alarmAt, 'it was set once').toBe(test.clock.now + GUARD_MS);
      release();
      await eventuallyTold(test, bob, seq);
    }));

  it('is guarded by an alarm that is set meanwhile for something else', () =>
    whileTelling(async (test, [ada = '', bob = ''], release, seq) => {
      const send_at = new Date(test.clock.now + 3_600_000).toISOString();
      const message = { kind: 'text', content: 'later', client_id: 'later' } as const;
      value(test.room.ask(ada, { type: 'schedule', send_at, message }));
      expect(test.inboxes.alarmAt).toBeLessThanOrEqual(test.clock.now + GUARD_MS + 1);
      test.inboxes.before = () => undefined;
      test.restart();
      await eventuallyTold(test, bob, seq);
      release();
    }));

  it('has one alarm that guards, not two, where something is due later', () =>
    inRoom(async (test) => {
      const users = newUsers(2);
      const [ada = '', bob = ''] = users;
      test.create(users);
      await test.ringUntilQuiet();
      const send_at = new Date(test.clock.now + 3_600_000).toISOString();
      const message = { kind: 'text', content: 'later', client_id: 'later' } as const;
      value(test.room.ask(ada, { type: 'schedule', send_at, message }));
      const held = Promise.withResolvers<void>();
      test.inboxes.before = (user) => (user === bob ? held.promise : undefined);
      await test.sent(ada);
      const before = test.inboxes.alarmsSet;
      test.ring();
      expect(test.inboxes.alarmAt).toBe(test.clock.now + GUARD_MS);
      expect(test.inboxes.alarmsSet).toBe(before + 1);
      held.resolve();
    }));

  it('stores whom it need not tell any more as it goes, and not at its end', () =>
    inRoom(async (test) => {
      const users = newUsers(TIER_LIMITS.small + 8);
      const [ada = '', bob = ''] = users;
      test.create(users);
      await test.ringUntilQuiet();
      for (const user of users) test.room.look(user);
      const held = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
      test.inboxes.before = (user) => held[user === bob ? 1 : 0].promise;
      await test.sent(ada);
      test.ring();
      expect(test.inboxes.lasting).toBeDefined();
      const silent = () =>
        test.storage.sql.exec<{ n: number }>('SELECT count(*) AS n FROM members WHERE armed = 0').one().n;
      expect(silent()).toBe(0);
      held[0].resolve();
      await eventually('they are stored', () => silent() >= users.length - 2);
      expect(test.inboxes.lasting).toBeDefined();
      held[1].resolve();
    }));
});

describe('a crash at any point', () => {
  it.each(['before the call', 'before the answer', 'after the answer'])(
    '%s: everything untold is told again',
    async (point) => {
      const users = newUsers(4);
      const [ada = ''] = users;
      await inRoom(async (test) => {
        test.create(users);
        await test.ringUntilQuiet();
        const never = () => new Promise<void>(() => undefined);
        if (point === 'before the call') test.inboxes.before = never;
        if (point === 'before the answer') test.inboxes.after = never;
        const seq = await test.sent(ada);
        await scheduler.wait(5);
        test.inboxes.before = () => undefined;
        test.inboxes.after = () => undefined;
        test.restart();
        await scheduler.wait(5);
        for (const user of users) expect(test.inboxes.head(user)).toBe(seq);
        for (let i = 0; i < 3; i++) {
          test.ring();
          await scheduler.wait(5);
        }
        expect(test.conversation.chat.told_through).toBe(seq);
        expect(test.inboxes.alarmAt).toBeUndefined();
      });
    },
  );

  it('what is owed to a user survives it: a removal, a membership, a read mark', async () => {
    const users = newUsers(4);
    const [ada = '', bob = '', cyd = '', dan = ''] = users;
    await inRoom(async (test) => {
      test.create([ada, bob, cyd]);
      const seq = await test.sent(ada);
      await test.ringUntilQuiet();
      test.inboxes.before = () => {
        throw new Error('unreachable');
      };
      test.room.publish(value(test.conversation.membership.remove(ada, bob)));
      test.room.publish(value(test.conversation.membership.add(ada, [dan])));
      test.room.mark({ user: cyd, read: seq });
      await test.inboxes.settled();
      test.restart();
      test.inboxes.before = () => undefined;
      await test.ringUntilQuiet();
      expect(test.inboxes.last(bob)).toMatchObject({ member: null, gone: 'removed' });
      expect(test.inboxes.last(dan)?.member).toMatchObject({ role: 'member' });
      expect(test.inboxes.last(cyd)?.member).toMatchObject({ read_seq: seq });
      expect(test.rows('outbox')).toBe(0);
    });
  });

  it('a row that waits for its time is told when its time has come, in the next life too', async () => {
    await inQuietRoom(async (test, ada, bob) => {
      test.inboxes.before = (user) => {
        if (user === bob) throw new Error('unreachable');
      };
      const seq = await test.sent(ada);
      await test.inboxes.settled();
      test.ring();
      await test.inboxes.settled();
      test.inboxes.before = () => undefined;
      test.restart();
      await test.ringUntilQuiet();
      expect(test.inboxes.head(bob)).toBe(seq);
      expect(test.rows('outbox')).toBe(0);
    });
  });
});

describe('a deleted conversation', () => {
  it('tells every member, then keeps nothing but the fact', async () => {
    const users = newUsers(4);
    await inRoom(async (test) => {
      test.create(users);
      for (let i = 0; i < 5; i++) await test.sent(users[0] ?? '', 'hello', { mentions: [users[1] ?? ''] });
      await test.ringUntilQuiet();
      const [, , unreachable = ''] = users;
      test.inboxes.before = (user) => {
        if (user === unreachable) throw new Error('unreachable');
      };
      test.room.publish(value(test.conversation.membership.destroy(users[0] ?? '')));
      await test.inboxes.settled();
      expect(test.rows('events')).toBe(7);
      test.inboxes.before = () => undefined;
      await test.ringUntilQuiet();
      for (const user of users) expect(test.inboxes.last(user)).toMatchObject({ member: null, gone: 'deleted' });
      expect([test.rows('events'), test.rows('members'), test.rows('mentions'), test.rows('outbox')]).toEqual([
        0, 0, 0, 0,
      ]);
      test.restart();
      expect(test.conversation.exists).toBe(false);
      expect(codeOf(test.conversation.sight(users[0] ?? ''))).toBe('not_found');
      expect(test.conversation.create(newConversation(users)).created).toBe(false);
    });
  });
});
