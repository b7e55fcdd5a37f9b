import { describe, expect, it } from 'vitest';
import { newUsers, overStorage, value } from '../support/objects.ts';
import { TestRoom } from '../support/room.ts';

/** Counts rows written by statements, and alarms set, which are charged as a row each, from the next start on. */
function counting(test: TestRoom) {
  const { sql } = test.storage;
  const exec = sql.exec.bind(sql);
  const cursors: { readonly rowsWritten: number }[] = [];
  sql.exec = <T extends Record<string, SqlStorageValue>>(query: string, ...bindings: SqlStorageValue[]) => {
    const cursor = exec<T>(query, ...bindings);
    cursors.push(cursor);
    return cursor;
  };
  let alarms = 0;
  const { setAlarm } = test.inboxes.ports;
  test.inboxes.ports.setAlarm = (at) => {
    alarms += 1;
    setAlarm(at);
  };
  return () => cursors.reduce((sum, { rowsWritten }) => sum + rowsWritten, 0) + alarms;
}

const inRoom = (members: number, work: (test: TestRoom, users: string[]) => Promise<void>): Promise<void> =>
  overStorage(async (storage) => {
    const test = new TestRoom(storage);
    const users = newUsers(members);
    test.create(users);
    await test.ringUntilQuiet();
    await work(test, users);
  });

describe('the rows that a message costs in its room', () => {
  it.each([2, 32, 33, 300])('alone, with %i members: the event, its index, the alarm', async (members) => {
    await inRoom(members, async (test, [ada = '']) => {
      for (let life = 0; life < 3; life++) {
        const rows = counting(test);
        test.restart();
        await test.sent(ada);
        await test.ringUntilQuiet();
        expect(rows()).toBe(3);
      }
    });
  });

  it('and a read mark of somebody who is told anyway: the member, the alarm', async () => {
    await inRoom(2, async (test, [ada = '', bob = '']) => {
      const seq = await test.sent(ada);
      await test.ringUntilQuiet();
      const rows = counting(test);
      test.restart();
      test.room.mark({ user: bob, read: seq });
      await test.ringUntilQuiet();
      expect(rows()).toBe(2);
    });
  });

  it('in a row of many: hardly more than two', async () => {
    await inRoom(10, async (test, users) => {
      const rows = counting(test);
      test.restart();
      for (let sent = 0; sent < 1000; sent++) {
        await test.sent(users[sent % 10] ?? '');
        if (sent % 50 === 49) await test.ringUntilQuiet();
      }
      await test.ringUntilQuiet();
      expect(rows() / 1000).toBeLessThan(2.2);
    });
  });
});

describe('a room that begins again', () => {
  it('with no alarm set has nothing to tell, and its next message goes to everybody with its events', async () => {
    await inRoom(5, async (test, users) => {
      const [ada = ''] = users;
      for (const user of users) test.inboxes.devices.set(user, 1);
      await test.sent(ada);
      await test.ringUntilQuiet();
      const told = users.map((user) => test.inboxes.count(user));
      test.restart();
      await test.inboxes.settled();
      expect(users.map((user) => test.inboxes.count(user))).toEqual(told);
      await test.sent(ada, 'after the sleep');
      await test.inboxes.settled();
      for (const user of users) expect(test.inboxes.last(user)?.frame).toContain('after the sleep');
      expect(users.map((user) => test.inboxes.count(user))).toEqual(told.map((count) => count + 1));
    });
  });

  it('tells who was to be told of something of their own, though no row says so', async () => {
    await inRoom(3, async (test, users) => {
      const [ada = '', bob = ''] = users;
      const seq = await test.sent(ada);
      await test.ringUntilQuiet();
      test.inboxes.before = () => new Promise(() => undefined);
      test.room.mark({ user: bob, read: seq });
      const [cyd = ''] = newUsers(1);
      test.room.publish(value(test.conversation.membership.add(ada, [cyd])));
      expect(test.rows('outbox')).toBe(0);
      test.inboxes.before = () => undefined;
      test.restart();
      await scheduler.wait(5);
      expect(test.inboxes.last(bob)?.member).toMatchObject({ read_seq: seq });
      expect(test.inboxes.last(cyd)?.member).toMatchObject({ role: 'member' });
    });
  });

  it('for the sake of an alarm that was on its way already tells everybody', async () => {
    await inRoom(3, async (test, users) => {
      test.inboxes.before = () => new Promise(() => undefined);
      const seq = await test.sent(users[0] ?? '');
      test.inboxes.before = () => undefined;
      test.inboxes.alarmAt = undefined;
      test.restart();
      void test.room.alarm();
      await scheduler.wait(5);
      for (const user of users) expect(test.inboxes.head(user)).toBe(seq);
    });
  });
});
