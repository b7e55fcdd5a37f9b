import { describe, expect, it } from 'vitest';
import { IDLE_NOTICE_RATE } from '../../src/conversation/tiers.ts';
import { newUsers, overStorage } from '../support/objects.ts';
import { TestRoom } from '../support/room.ts';

const inRoomOfTwo = (work: (room: TestRoom, a: string, b: string) => Promise<void>): Promise<void> =>
  overStorage(async (storage) => {
    const room = new TestRoom(storage);
    const [a = '', b = ''] = newUsers(2);
    room.create([a, b]);
    await work(room, a, b);
  });

describe('an inbox of a small room in which no device listens', () => {
  it('is told of each message while they are few', () =>
    inRoomOfTwo(async (room, a, b) => {
      for (let n = 0; n < 40; n++) {
        room.clock.pass(IDLE_NOTICE_RATE.every);
        await room.say(a, 1);
      }
      expect(room.inboxes.head(b)).toBe(41);
      expect(room.inboxes.last(b)?.armed).toBe(true);
    }));

  it('is told that it has to ask when they are many, and is told again after it asked', () =>
    inRoomOfTwo(async (room, a, b) => {
      await room.say(a, 100);
      const told = room.inboxes.count(b);
      expect(told).toBeLessThan(IDLE_NOTICE_RATE.burst + 5);
      expect(room.inboxes.last(b)?.armed).toBe(false);
      expect(room.room.look(b)).toMatchObject({ chat: { head_seq: 101 }, armed: true });
      await room.say(a, 1);
      expect(room.inboxes.count(b)).toBe(told + 1);
      expect(room.inboxes.head(b)).toBe(102);
    }));

  it('is told again in the next life of the room, and its look stores nothing', () =>
    inRoomOfTwo(async (room, a, b) => {
      const many = async () => {
        await room.say(a, 20);
        expect(room.inboxes.last(b)?.armed).toBe(false);
        await room.ringUntilQuiet();
      };
      await many();
      const written = rowsWritten(room.storage, () => room.room.look(b));
      expect(written).toBe(0);
      await many();
      room.restart();
      await room.say(a, 1);
      expect(room.inboxes.last(b)).toMatchObject({ armed: true, chat: { head_seq: 42 } });
    }));

  it('is told again in the next life, though something else of the member was stored meanwhile', () =>
    inRoomOfTwo(async (room, a, b) => {
      await room.say(a, 20);
      expect(room.inboxes.last(b)?.armed).toBe(false);
      const told = room.inboxes.count(b);
      const member = room.conversation.members.current(b);
      if (member === undefined) throw new Error('a member');
      room.conversation.members.put({ ...member, role: 'moderator' });
      await room.say(a, 1);
      expect(room.inboxes.count(b), 'in this life as before').toBe(told);
      await room.ringUntilQuiet();
      room.restart();
      await room.say(a, 1);
      expect(room.inboxes.last(b)).toMatchObject({ armed: true, chat: { head_seq: room.conversation.log.head } });
    }));

  it('goes on being told at once when a device listens, however many there are', () =>
    overStorage(async (storage) => {
      const room = new TestRoom(storage);
      const [a = '', b = ''] = newUsers(2);
      room.inboxes.devices.set(b, 1);
      room.create([a, b]);
      await room.say(a, 100);
      expect(room.inboxes.head(b)).toBe(101);
    }));
});

/** Rows that statements write meanwhile. */
function rowsWritten({ sql }: DurableObjectStorage, work: () => unknown): number {
  const changes = () => sql.exec<{ n: number }>('SELECT total_changes() AS n').one().n;
  const before = changes();
  work();
  return changes() - before;
}
