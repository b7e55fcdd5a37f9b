import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Notice, NoticeAnswer } from '../../src/conversation/api.ts';
import { Room } from '../../src/conversation/room.ts';
import { TIER_LIMITS } from '../../src/conversation/tiers.ts';
import { newId } from '../../src/ids.ts';
import { HOT_AFTER } from '../../src/inbox/hot.ts';
import { Inbox } from '../../src/inbox/inbox.ts';
import { refuse } from '../../src/protocol/errors.ts';
import { notice, ofChats, rowOf, TestDevice, withInbox } from '../support/inbox.ts';
import { eventually, newConversation, newUsers, TestClock, value } from '../support/objects.ts';

const later = () => Promise.withResolvers<Notice | null>();

describe('a look', () => {
  it('asks the rooms that wait for one, and no others', async () => {
    await withInbox(async (test) => {
      const [waits, tells] = [newId('chat'), newId('chat')];
      test.inbox.notify(notice({ chat_id: waits, armed: false }));
      test.inbox.notify(notice({ chat_id: tells, armed: true }));
      test.rooms.look = (chat_id) => notice({ chat_id, head: 7 });
      const answer = await test.sync();
      expect(test.rooms.calls).toEqual([{ call: 'look', id: waits }]);
      expect(answer.changes.map((change) => (change.type === 'chat' ? change.chat.head_seq : 0)).toSorted()).toEqual([
        1, 7,
      ]);
      await test.sync();
      expect(test.rooms.count('look')).toBe(1);
    });
  });

  it('that is overtaken by a notice after which the room is silent again is made again', async () => {
    await withInbox(async (test) => {
      const chat_id = newId('chat');
      test.inbox.notify(notice({ chat_id, head: 1, armed: false }));
      const answer = later();
      test.rooms.look = () => answer.promise;
      const first = test.sync();
      await eventually('the room is asked', () => test.rooms.count('look') === 1);
      // The room has answered; then it told something newer, found no device, and fell silent.
      test.inbox.notify(notice({ chat_id, head: 3, armed: false }));
      answer.resolve(notice({ chat_id, head: 2 }));
      await first;
      expect(test.inbox.timeline.stale()).toEqual([chat_id]);
      test.rooms.look = () => notice({ chat_id, head: 4 });
      const { changes } = await test.sync();
      expect(changes).toMatchObject([{ chat: { head_seq: 4 } }]);
    });
  });

  it('that began before a room fell silent does not do for one who comes after it', async () => {
    await withInbox(async (test) => {
      const [slow, silent] = [newId('chat'), newId('chat')];
      test.inbox.notify(notice({ chat_id: slow, armed: false }));
      const answer = later();
      test.rooms.look = (chat_id) => (chat_id === slow ? answer.promise : notice({ chat_id, head: 9 }));
      const first = test.sync();
      await eventually('the slow room is asked', () => test.rooms.count('look') === 1);
      test.inbox.notify(notice({ chat_id: silent, armed: false }));
      const second = test.sync();
      answer.resolve(notice({ chat_id: slow, head: 2 }));
      await first;
      const { changes } = await second;
      expect(changes.find((change) => rowOf(change) === silent)).toMatchObject({ chat: { head_seq: 9 } });
      expect(test.inbox.timeline.stale()).toEqual([]);
    });
  });

  it('goes on without a room that does not answer, which stays to be asked', async () => {
    await withInbox(async (test) => {
      const [dead, alive] = [newId('chat'), newId('chat')];
      for (const chat_id of [dead, alive]) test.inbox.notify(notice({ chat_id, armed: false }));
      test.rooms.look = (chat_id) => (chat_id === dead ? new Promise(() => undefined) : notice({ chat_id, head: 9 }));
      const { changes } = await test.sync();
      expect(changes).toHaveLength(2);
      expect(test.inbox.timeline.stale()).toEqual([dead]);
    });
  });

  it('that fails is repeated while a device waits for news', async () => {
    await withInbox(async (test) => {
      const chat_id = newId('chat');
      test.inbox.notify(notice({ chat_id, armed: false }));
      let failing = true;
      test.rooms.look = () => {
        if (failing) throw new Error('unreachable');
        return notice({ chat_id, head: 9 });
      };
      const device = test.connect();
      await eventually('the room is asked', () => test.rooms.count('look') === 1);
      failing = false;
      await eventually('the device learns', () => device.of('inbox').some(({ changes }) => changes.length > 0), 3000);
      expect(device.of('inbox').at(-1)?.changes).toMatchObject([{ chat: { head_seq: 9 } }]);
      await test.settled();
      expect(test.rooms.faults).toHaveLength(1);
    });
  });

  it('that fails is repeated though a notice of before comes late, when a device listens already', async () => {
    await withInbox(async (test) => {
      const chat_id = newId('chat');
      const silent = notice({ chat_id, armed: false });
      test.inbox.notify(silent);
      const answer = later();
      test.rooms.look = () => answer.promise;
      const device = test.connect();
      await eventually('the room is asked', () => test.rooms.count('look') === 1);
      // A call that the room had given up: it has told the same again since, and fallen silent.
      test.inbox.notify(silent);
      test.rooms.look = () => notice({ chat_id, head: 9 });
      answer.reject(new Error('unreachable'));
      await eventually(
        'the device learns',
        () =>
          device.of('inbox').some(({ changes }) => changes.some((it) => it.type === 'chat' && it.chat.head_seq === 9)),
        3000,
      );
      await test.settled();
    });
  });

  it('that goes on failing is repeated for as long as a device listens, later each time, and no longer', async () => {
    await withInbox(async (test) => {
      const chat_id = newId('chat');
      test.inbox.notify(notice({ chat_id, armed: false }));
      test.rooms.look = () => {
        throw new Error('unreachable');
      };
      const device = test.connect();
      await eventually('the room is asked', () => test.rooms.count('look') === 1);
      await test.settled();
      const waits: (number | null)[] = [];
      for (let i = 0; i < 10; i++) waits.push(await test.ring());
      expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60, 60].map((seconds) => seconds * 1000));
      expect(test.rooms.count('look')).toBe(11);

      // The room is there again: the device learns of it, and there is nothing left to ask.
      test.rooms.look = () => notice({ chat_id, head: 9 });
      await test.ring();
      await eventually('the device learns', () =>
        device.of('inbox').some(({ changes }) => changes.some((it) => it.type === 'chat' && it.chat.head_seq === 9)),
      );
      expect(await test.ring()).toBeNull();
    });
  });

  it('that fails is repeated though old notices make the row a hot one, and is not for the sake of a hot one', async () => {
    await withInbox(async (test) => {
      const [waits, hot] = [newId('chat'), newId('chat')];
      test.inbox.notify(notice({ chat_id: waits, head: 5, armed: false }));
      test.rooms.look = () => {
        throw new Error('unreachable');
      };
      const device = test.connect();
      await eventually('the room is asked', () => test.rooms.count('look') === 1);
      await test.settled();
      for (let i = 0; i < 2 * HOT_AFTER; i++) {
        test.inbox.notify(notice({ chat_id: waits, head: 5 }));
        test.inbox.notify(notice({ chat_id: hot, head: i + 1 }));
      }
      await test.ring();
      expect(test.rooms.count('look', waits)).toBe(2);
      test.rooms.look = (chat_id) => notice({ chat_id, head: 9 });
      await test.ring();
      await eventually('the device learns', () =>
        ofChats(device.of('inbox').flatMap(({ changes }) => changes)).some(
          (change) => change.chat_id === waits && change.type === 'chat' && change.chat.head_seq === 9,
        ),
      );
      for (let i = 9; i < 9 + 2 * HOT_AFTER; i++) test.inbox.notify(notice({ chat_id: hot, head: i + 1 }));
      expect(test.inbox.timeline.stale()).toEqual([hot]);
      const asked = test.rooms.count('look');
      await test.ring();
      expect(test.rooms.count('look')).toBe(asked);
    });
  });

  it('that fails is repeated also when the clock was ahead as it failed', async () => {
    await withInbox(async (test) => {
      test.inbox.notify(notice({ armed: false }));
      test.rooms.look = () => {
        throw new Error('unreachable');
      };
      test.clock.pass(20 * 60_000);
      test.connect();
      await eventually('the room is asked', () => test.rooms.count('look') === 1);
      await test.settled();
      test.clock.pass(-20 * 60_000);
      // The alarm keeps to the real time.
      test.inbox.alarm();
      await test.settled();
      expect(test.rooms.count('look')).toBe(2);
      expect((test.inbox.due ?? 0) - test.clock.now).toBeLessThanOrEqual(60_000);
    });
  });

  it('that fails is repeated by the next life of the inbox too, until nobody listens', async () => {
    await withInbox(async (test) => {
      test.inbox.notify(notice({ armed: false }));
      test.rooms.look = () => {
        throw new Error('unreachable');
      };
      const { device } = test.connect();
      await eventually('the room is asked', () => test.rooms.count('look') === 1);
      await test.settled();
      test.restart([device.socket]);
      expect(test.inbox.devices.size).toBe(1);
      // The alarm was set in the life before; this one knows nothing but that it has come.
      test.inbox.alarm();
      await test.settled();
      expect(test.rooms.count('look')).toBe(2);
      expect(await test.ring()).toBe(60_000);
      expect(test.rooms.count('look')).toBe(3);

      test.inbox.devices.delete(device.socket);
      await test.ring();
      expect(test.rooms.count('look')).toBe(3);
      expect(await test.ring()).toBeNull();
    });
  });

  it('of which one answer cannot be stored brings the others', async () => {
    await withInbox(async (test) => {
      const ids = [newId('chat'), newId('chat'), newId('chat')];
      const [broken] = ids;
      for (const chat_id of ids) test.inbox.notify(notice({ chat_id, armed: false }));
      test.rooms.look = (chat_id) =>
        chat_id === broken ? { ...notice({ chat_id }), messages: Number.NaN } : notice({ chat_id, head: 9 });
      const put = test.inbox.timeline.put.bind(test.inbox.timeline);
      test.inbox.timeline.put = (record, before) => {
        if (Number.isNaN(record.item?.messages)) throw new Error('it cannot be stored');
        return put(record, before);
      };
      const { changes } = await test.sync();
      expect(changes.flatMap((it) => (it.type === 'chat' ? it.chat.head_seq : [])).toSorted()).toEqual([1, 9, 9]);
      expect(test.inbox.timeline.stale()).toEqual([broken]);
      expect(test.rooms.faults).toHaveLength(1);
    });
  });

  it('of a device that has gone meanwhile is not repeated', async () => {
    await withInbox(async (test) => {
      test.inbox.notify(notice({ armed: false }));
      test.rooms.look = () => {
        throw new Error('unreachable');
      };
      const device = test.connect();
      await eventually('the room is asked', () => test.rooms.count('look') === 1);
      test.inbox.devices.delete(device.device.socket);
      await test.settled();
      expect(test.rooms.count('look')).toBeLessThanOrEqual(2);
    });
  });

  it('while it is slow, a device gets what comes: rows, events and signals', async () => {
    await withInbox(async (test) => {
      const [slow, other] = [newId('chat'), newId('chat')];
      test.inbox.notify(notice({ chat_id: slow, armed: false }));
      const answer = later();
      test.rooms.look = () => answer.promise;
      const device = test.connect();
      await eventually('the slow room is asked', () => test.rooms.count('look') === 1);
      test.inbox.notify(notice({ chat_id: other, head: 4 }));
      await eventually('the device learns', () =>
        device.of('inbox').some(({ changes }) => changes.some((change) => rowOf(change) === other)),
      );
      answer.resolve(notice({ chat_id: slow, head: 2 }));
      await eventually('and of the slow one', () =>
        device.of('inbox').some(({ changes }) => changes.some((change) => rowOf(change) === slow)),
      );
      await test.settled();
    });
  });
});

/** One life of an object. What an object that has ended still has under way arrives, and does nothing beyond that. */
class Life {
  ended = false;
  readonly storage: DurableObjectStorage;

  /** @param version table of the schema's version: the two objects share a storage in this test and nowhere else */
  constructor(storage: DurableObjectStorage, version: string) {
    const exec = (query: string, ...bindings: unknown[]) =>
      this.ended
        ? storage.sql.exec('SELECT 1 WHERE false')
        : storage.sql.exec(query.replaceAll('schema_version', version), ...bindings);
    const sql = new Proxy(storage.sql, {
      get: (target, name) => (name === 'exec' ? exec : Reflect.get(target, name, target)),
    });
    this.storage = new Proxy(storage, {
      get: (target, name) => {
        if (name === 'sql') return sql;
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  }

  /** A call of this life's: of one that has ended none begins. */
  call<T>(begin: () => Promise<T>): Promise<T> {
    return this.ended ? new Promise<T>(() => undefined) : begin();
  }
}

it('between a large room and an inbox no news is lost, however their calls and answers overtake each other', async () => {
  const usual = ['send', 'send', 'sync', 'deliver', 'deliver', 'deliver', 'deliver'];
  const rare = ['mention', 'connect', 'disconnect', 'read', 'restart room', 'restart inbox', 'lose'];
  // Many runs know the usual only: the races need several steps in a row, and anything rare heals them.
  const acts = fc
    .boolean()
    .chain((calm) => fc.array(fc.constantFrom(...usual, ...(calm ? [] : rare)), { minLength: 10, maxLength: 40 }));
  await fc.assert(
    fc.asyncProperty(acts, fc.infiniteStream(fc.nat()), (plan, numbers) =>
      withInbox(async ({ storage }) => {
        const users = newUsers(TIER_LIMITS.small + 1);
        const [ada = '', bob = ''] = users;
        const clock = new TestClock();
        clock.now = Date.now();
        const work = new Set<Promise<void>>();
        const background = (promise: Promise<void>) => {
          const watched = promise.catch(() => undefined).finally(() => work.delete(watched));
          work.add(watched);
        };
        /** What is under way between the two; delivered in any order, and sometimes not at all. */
        const wire: { deliver: () => void; lose: () => void }[] = [];
        const carried = (): Promise<void> =>
          new Promise((deliver, reject) =>
            wire.push({ deliver: () => deliver(), lose: () => reject(new Error('lost')) }),
          );
        const over = async <T>(call: () => T | Promise<T>): Promise<T> => {
          await carried();
          const answer = await call();
          await carried();
          return answer;
        };
        const pick = () => wire.splice((numbers.next().value ?? 0) % Math.max(1, wire.length), 1)[0];

        let alarm: number | undefined;
        let roomLife = new Life(storage, 'room_version');
        let inboxLife = new Life(storage, 'inbox_version');
        const startRoom = (): Room => {
          const life = new Life(storage, 'room_version');
          roomLife = life;
          const started = new Room(life.storage, [], clock.read, {
            relay: () => {
              throw new Error('not a huge room');
            },
            inbox: (userId) => ({
              notify: async (sent: Notice): Promise<NoticeAnswer> => {
                if (userId !== bob) return { devices: 0 };
                const copy = structuredClone(sent);
                return life.call(() => over(() => inbox.notify(copy)));
              },
              signal: async () => undefined,
            }),
            ticketKeys: () => [],
            preview: async () => undefined,
            list: async () => undefined,
            setAlarm: (at) => {
              if (!life.ended) alarm = at;
            },
            background,
            log: () => undefined,
          });
          started.wake(alarm ?? null);
          return started;
        };
        const startInbox = (): Inbox => {
          const life = new Life(storage, 'inbox_version');
          inboxLife = life;
          return new Inbox(life.storage, [], clock.read, {
            owner: bob,
            room: () => ({
              look: (user) => life.call(() => over(() => structuredClone(room.look(user)))),
              catchUp: async () => {
                throw new Error('nobody asks');
              },
              submit: async () => [],
              exchange: async () => ({ answers: [], notice: undefined }),
              search: async () => refuse('not_found', 'nobody asks'),
              endSessions: async () => undefined,
            }),
            alert: () => undefined,
            mail: () => undefined,
            wake: () => undefined,
            peer: () => ({ meet: async () => null }),
            background,
            log: () => undefined,
          });
        };
        let room = startRoom();
        let inbox = startInbox();
        room.publish(room.conversation.create(newConversation(users)).commit);
        const chatId = room.conversation.chat.id;
        let id = 0;
        const send = (mentions?: string[]) =>
          background(
            new Promise((done) => {
              const message = {
                kind: 'text' as const,
                content: 'x',
                client_id: `c${++id}`,
                ...(mentions ? { mentions } : {}),
              };
              room.send({ user: ada, message, answer: () => done() });
            }),
          );
        const calm = () => scheduler.wait(1);
        const devices: TestDevice[] = [];

        for (const what of plan) {
          if (what === 'send') send();
          else if (what === 'mention') send([bob]);
          else if (what === 'sync') background(inbox.sync({}).then(() => undefined));
          else if (what === 'read') room.mark({ user: bob, read: room.conversation.log.head });
          else if (what === 'deliver') pick()?.deliver();
          else if (what === 'lose') pick()?.lose();
          else if (what === 'connect') {
            const device = new TestDevice(bob);
            devices.push(device);
            background(inbox.welcome(device.device, undefined));
          } else if (what === 'disconnect') {
            const device = devices.pop();
            if (device !== undefined) inbox.devices.delete(device.device.socket);
          } else if (what === 'restart room') {
            roomLife.ended = true;
            room = startRoom();
          } else {
            inboxLife.ended = true;
            inbox = startInbox();
            devices.length = 0;
          }
          await calm();
        }
        // Everything that is still under way arrives, the alarm rings as long as it is set, and nobody listens any more.
        for (const device of devices) inbox.devices.delete(device.device.socket);
        for (let quiet = 0; quiet < 10; ) {
          const next = pick();
          next?.deliver();
          if (next === undefined && alarm !== undefined) {
            clock.now = Math.max(clock.now, alarm);
            alarm = undefined;
            void room.alarm();
          } else quiet = next === undefined ? quiet + 1 : 0;
          await calm();
        }
        const head = () => inbox.timeline.get(chatId)?.item?.head_seq;
        const waits = inbox.timeline.stale().includes(chatId);
        if (!waits) expect(head()).toBe(room.conversation.log.head);
        const last = inbox.sync({});
        for (let i = 0; i < 6; i++) {
          pick()?.deliver();
          await calm();
        }
        value(await last);
        expect(head()).toBe(room.conversation.log.head);
      }),
    ),
    { numRuns: 40 },
  );
});
