import { expect, it } from 'vitest';
import { group, person, secondDevice, until } from '../support/people.ts';

it('a mention, a Single and a request reach every device, and are read and removed on all of them', async () => {
  const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
  const tablet = await secondDevice(bob);
  const both = [bob, tablet].map(({ client }) => client.notifications);
  let changes = 0;
  const off = bob.client.notifications.onChange(() => changes++);
  const id = await group(ada, bob);
  const { seq } = await ada.client.chat(id).send({ content: '@Bob, look', mentions: [bob.user.id] }).sent;
  const kinds = () => both.map(({ rows }) => rows.map(({ kind }) => kind).join());
  await until(() => kinds().every((all) => all.includes('mention') && all.includes('invitation')));
  expect(both[1]?.rows.find(({ kind }) => kind === 'mention')).toMatchObject({
    chat_id: id,
    seq,
    actor_id: ada.user.id,
  });
  expect(changes).toBeGreaterThan(0);
  off();

  // Reading the conversation reads what was said in it.
  bob.client.chat(id).read(seq);
  const mention = () => both.map(({ rows }) => rows.find(({ kind }) => kind === 'mention'));
  await until(() => mention().every((row) => row?.read_at != null));

  const dm = await ada.client.chats.create({ type: 'Single', members: [bob.user.id] });
  await dm.send('and here').sent;
  await ada.client.friends.request(bob.user.id);
  await until(() => kinds().every((all) => all.includes('dm') && all.includes('friend_request')));

  const unread = tablet.client.notifications.unread;
  expect(unread).toBeGreaterThanOrEqual(3);
  const marking = tablet.client.notifications.markAllRead();
  // At once, before the server has answered.
  expect(tablet.client.notifications.unread).toBe(0);
  await marking;
  await until(() => both.every((one) => one.unread === 0));

  const [newest] = bob.client.notifications.rows;
  const removing = bob.client.notifications.remove(newest?.id ?? '');
  expect(bob.client.notifications.rows.some(({ id: other }) => other === newest?.id)).toBe(false);
  await removing;
  await until(() => both.every(({ rows }) => !rows.some(({ id: other }) => other === newest?.id)));
  await bob.client.notifications.removeAll();
  await until(() => both.every(({ rows }) => rows.length === 0));
});

it('a change that fails is taken back', async () => {
  const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
  await ada.client.friends.request(bob.user.id);
  await until(() => bob.client.notifications.unread === 1);
  const [row] = bob.client.notifications.rows;
  await expect(bob.client.notifications.remove(`${bob.user.id}.friend`)).rejects.toMatchObject({ code: 'not_found' });
  expect(bob.client.notifications.rows).toEqual([row]);
  await ada.client.friends.decline(bob.user.id);
  await until(() => bob.client.notifications.rows.length === 0);
});
