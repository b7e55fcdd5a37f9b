import { expect, it } from 'vitest';
import { newUser, overStorage, value } from '../support/objects.ts';
import { TestRoom } from '../support/room.ts';

/*
 * What a message, a join and a leave cost in a public channel, by its members: nothing that grows with them. A few members
 * are online; of all others the inboxes wait until they look.
 */

const SIZES = [100, 1000, 10_000, 100_000];
const ONLINE = 10;

interface Cost {
  written: number;
  read: number;
  calls: number;
}

/** A channel with so many members, as it is after a start long after they came. */
function crowd(test: TestRoom, members: number): string {
  const owner = newUser();
  test.create([owner], { type: 'PublicChannel' });
  const { sql } = test.storage;
  sql.exec(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
     INSERT INTO members (user_id, role, state, member_seq, joined_at, visible_from, read_seq, delivered_seq, armed)
     SELECT printf('usr_%026d', i), 'member', 'member', 1, i, 1, 1, 1, i <= ? FROM n`,
    members - 1,
    ONLINE,
  );
  sql.exec('UPDATE chat SET member_count = ?', members);
  test.inboxes.alarmAt = undefined;
  test.restart();
  for (let i = 1; i <= ONLINE; i++) test.inboxes.devices.set(`usr_${String(i).padStart(26, '0')}`, 1);
  return owner;
}

/** What the room reads, writes and calls while something is done, until everything is quiet. */
async function costOf(test: TestRoom, work: () => unknown): Promise<Cost> {
  const { sql } = test.storage;
  const original = sql.exec;
  const exec = original.bind(sql);
  const cursors: { readonly rowsWritten: number; readonly rowsRead: number }[] = [];
  const notices = () => [...test.inboxes.told.values()].reduce((sum, list) => sum + list.length, 0);
  const before = notices() + test.inboxes.listed.length;
  sql.exec = <T extends Record<string, SqlStorageValue>>(query: string, ...bindings: SqlStorageValue[]) => {
    const cursor = exec<T>(query, ...bindings);
    cursors.push(cursor);
    return cursor;
  };
  await work();
  await test.ringUntilQuiet();
  sql.exec = original;
  return {
    written: cursors.reduce((sum, { rowsWritten }) => sum + rowsWritten, 0),
    read: cursors.reduce((sum, { rowsRead }) => sum + rowsRead, 0),
    calls: notices() + test.inboxes.listed.length - before,
  };
}

it('a message, a join and a leave cost the same in a channel of 100 as of 100,000', { timeout: 60_000 }, async () => {
  const costs: Record<string, Record<string, Cost>> = {};
  for (const size of SIZES) {
    await overStorage(async (storage) => {
      const test = new TestRoom(storage);
      const owner = crowd(test, size);
      // The first look of a life reads who is to be told.
      await test.sent(owner);
      await test.ringUntilQuiet();
      const comer = newUser();
      const { membership } = test.conversation;
      const each = async (times: number, work: () => unknown) => {
        const { written, read, calls } = await costOf(test, async () => {
          for (let i = 0; i < times; i++) await work();
        });
        return { written: written / times, read: read / times, calls: calls / times };
      };
      costs[size] = {
        message: await each(1, () => test.sent(owner)),
        join: await each(1, () => value(test.publish(membership.add(comer, [comer])))),
        read: await each(1, () => test.conversation.log.messagePage(1, { limit: 50 })),
        leave: await each(1, () => value(test.publish(membership.remove(comer, comer)))),
      };
    });
  }
  const [first, ...rest] = SIZES.map((size) => costs[size]);
  for (const other of rest) expect(other).toEqual(first);
  expect(first?.message?.written).toBeLessThanOrEqual(3);
  expect(first?.message?.calls).toBeLessThanOrEqual(ONLINE + 1);
});
