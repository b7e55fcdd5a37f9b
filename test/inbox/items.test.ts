import { evictDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import { newId } from '../../src/ids.ts';
import { INBOX_MIGRATIONS } from '../../src/inbox/schema.ts';
import { PAGE_QUERY } from '../../src/inbox/timeline.ts';
import { migrate } from '../../src/storage/migrate.ts';
import { friend, notice, rowOf, withInbox } from '../support/inbox.ts';
import { eventually, identity, inboxOf, inboxSocket, newUser, newUsers } from '../support/objects.ts';

describe('rows of other kinds', () => {
  it('stand in one timeline with the conversations, by the same counter', async () => {
    await withInbox(async (test) => {
      const [ann = '', bob = ''] = newUsers(2);
      const chat_id = newId('chat');
      test.inbox.put([friend(ann, 1, 'Ann')]);
      test.inbox.notify(notice({ chat_id }));
      test.inbox.put([friend(bob, 1, 'Bob')]);
      expect((await test.sync()).changes.map(rowOf)).toEqual([ann, chat_id, bob]);
      const { cursor } = await test.sync();
      test.inbox.put([friend(ann, 2, 'Annie')]);
      test.inbox.notify(notice({ chat_id, head: 2 }));
      expect((await test.sync({ cursor })).changes).toMatchObject([
        { type: 'contact', id: ann, value: { remark: 'Annie' } },
        { type: 'chat', chat_id },
      ]);
      const pages = [await test.sync({ limit: 2 })];
      pages.push(await test.sync({ limit: 2, cursor: pages[0]?.cursor }));
      expect(pages.map((page) => [page.changes.map(rowOf), page.has_more])).toEqual([
        [[bob, ann], true],
        [[chat_id], false],
      ]);
    });
  });

  it('hold the highest version, in whatever order they are told, and a row that is gone stays gone', async () => {
    await withInbox(async (test) => {
      const ann = newUser();
      for (const item of [friend(ann, 3, null), friend(ann, 2, 'Ann'), friend(ann, 1, 'A')]) test.inbox.put([item]);
      expect((await test.sync()).changes).toEqual([{ type: 'contact', id: ann, value: null }]);
      test.inbox.put([friend(ann, 4, 'again')]);
      test.restart();
      test.inbox.put([friend(ann, 3, null)]);
      expect((await test.sync()).changes).toMatchObject([{ id: ann, value: { remark: 'again' } }]);
    });
  });

  it('told again, or told the same under a higher version, change nothing that a device sees', async () => {
    await withInbox(async (test) => {
      const ann = newUser();
      const device = test.connect();
      test.inbox.put([friend(ann, 1, 'Ann')]);
      await eventually('the row comes', () => device.of('inbox').some(({ changes }) => changes.length > 0));
      const { cursor } = await test.sync();
      const frames = device.of('inbox').length;
      test.inbox.put([friend(ann, 1, 'Ann'), friend(ann, 7, 'Ann'), friend(ann, 6, 'old')]);
      await test.settled();
      expect(await test.sync({ cursor })).toMatchObject({ changes: [], cursor });
      expect(device.of('inbox')).toHaveLength(frames);
    });
  });

  it('that come together reach a device together, under a cursor that has them all', async () => {
    await withInbox(async (test) => {
      const people = newUsers(20);
      const device = test.connect();
      test.inbox.put(people.map((id) => friend(id, 1, 'x')));
      await eventually('a frame has them', () => device.of('inbox').some(({ changes }) => changes.length === 20));
      const frame = device.of('inbox').find(({ changes }) => changes.length > 0);
      expect((await test.sync({ cursor: frame?.cursor })).changes).toEqual([]);
    });
  });

  it('are stored all or none: one that is not valid stops them before the first', async () => {
    await withInbox(async (test) => {
      expect(() => test.inbox.put([friend(newUser(), 1, 'x'), friend('not an id', 1, 'x')])).toThrow();
      expect((await test.sync()).changes).toEqual([]);
    });
  });

  it('go on from the same counter after a restart, though the newest row is not a conversation', async () => {
    await withInbox(async (test) => {
      test.inbox.notify(notice());
      test.inbox.put([friend(newUser(), 1, 'x')]);
      const { cursor } = await test.sync();
      test.restart();
      const chat_id = newId('chat');
      test.inbox.notify(notice({ chat_id }));
      expect((await test.sync({ cursor })).changes.map(rowOf)).toEqual([chat_id]);
    });
  });

  it('find room in an inbox that was written before there were any', async () => {
    await withInbox(async (test) => {
      migrate(test.storage, INBOX_MIGRATIONS.slice(0, 1));
      test.restart();
      const ann = newUser();
      test.inbox.put([friend(ann, 1, 'Ann')]);
      expect((await test.sync()).changes.map(rowOf)).toEqual([ann]);
    });
  });

  it('are read along the indexes: a page of a long timeline costs what it brings', async () => {
    await withInbox(async (test) => {
      test.inbox.put(newUsers(10).map((id) => friend(id, 1, 'x')));
      const plan = test.storage.sql
        .exec<{ detail: string }>(`EXPLAIN QUERY PLAN ${PAGE_QUERY}`, 10, 5)
        .toArray()
        .map(({ detail }) => detail);
      expect(plan.join('\n')).not.toMatch(/SCAN|TEMP B-TREE/);
    });
  });
});

it('an inbox that is evicted keeps them, and a device that comes back hears what it missed', async () => {
  const [owner = '', ann = '', bob = ''] = newUsers(3);
  const device = await inboxSocket(identity(owner));
  await device.next('inbox');
  await inboxOf(owner).put([friend(ann, 1, 'Ann')]);
  const { cursor } = await device.next('inbox', ({ changes }) => changes.length > 0);
  await evictDurableObject(inboxOf(owner), { webSockets: 'close' });
  await inboxOf(owner).put([friend(bob, 1, 'Bob'), friend(ann, 1, 'late')]);
  const again = await inboxSocket(identity(owner), cursor);
  expect((await again.next('inbox')).changes).toMatchObject([{ type: 'contact', id: bob }]);
});
