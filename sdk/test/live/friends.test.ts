import { expect, it } from 'vitest';
import { person, secondDevice, until } from '../support/people.ts';

it('friends: asked, accepted, named, grouped and ended, on every device', async () => {
  const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
  const tablet = await secondDevice(bob);
  expect(await ada.client.friends.request(bob.user.id, { text: 'from the pier' })).toMatchObject({ state: 'sent' });
  await until(() => [bob, tablet].every(({ client }) => client.friends.received.length === 1));
  expect(tablet.client.friends.received[0]).toMatchObject({ user_id: ada.user.id, request: { text: 'from the pier' } });
  await bob.client.friends.accept(ada.user.id);
  await until(() => [ada, bob, tablet].every(({ client }) => client.friends.rows.length === 1));
  const group = await bob.client.friends.createGroup('Crew');
  await bob.client.friends.update(ada.user.id, { remark: 'Countess', group_ids: [group.id] });
  await until(() => tablet.client.friends.get(ada.user.id)?.remark === 'Countess');
  expect(tablet.client.friends.groups).toEqual([group]);
  await bob.client.friends.deleteGroup(group.id);
  await until(() => tablet.client.friends.groups.length === 0);
  const gone = ada.client.once('items', (changes) =>
    changes.some(({ id, value }) => id === bob.user.id && value === null),
  );
  await bob.client.friends.remove(ada.user.id);
  await gone;
  expect(ada.client.friends.rows).toEqual([]);
});

it('both ask at once, and are friends once', async () => {
  const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
  await Promise.all([ada.client.friends.request(bob.user.id), bob.client.friends.request(ada.user.id)]);
  await until(() => [ada, bob].every(({ client }) => client.friends.rows.length === 1));
  expect([ada.client.friends.sent, bob.client.friends.received]).toEqual([[], []]);
});

it('a block keeps the other from writing, until it is lifted', async () => {
  const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
  const chat = await bob.client.chats.create({ type: 'Single', members: [ada.user.id] });
  await chat.send('before').sent;
  await ada.client.blocks.add(bob.user.id);
  await until(() => ada.client.blocks.rows.length === 1);
  await expect(chat.send('no').sent).rejects.toMatchObject({ code: 'forbidden' });
  await ada.client.blocks.remove(bob.user.id);
  await chat.send('again').sent;
  await until(() => ada.client.blocks.rows.length === 0);
});

it('presence of a friend: online, away, busy with a status; privacy on every device', async () => {
  const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
  const online = ada.client.once('presence', ({ state }) => state === 'online');
  await ada.client.friends.request(bob.user.id);
  await bob.client.friends.accept(ada.user.id);
  expect(await online).toMatchObject({ user_id: bob.user.id });
  const away = ada.client.once('presence', ({ state }) => state === 'away');
  bob.client.setAway(true);
  await away;
  const busy = ada.client.once('presence', ({ state }) => state === 'busy');
  await bob.client.setStatus({ text: 'at sea', busy: true });
  expect((await busy).status).toMatchObject({ text: 'at sea' });
  await until(() => bob.client.status?.text === 'at sea');
  await bob.client.setStatus(null);
  await until(() => bob.client.status === undefined);
  expect((await bob.client.updatePrivacy({ last_seen: 'nobody' })).last_seen).toBe('nobody');
  await until(() => bob.client.items('privacy').get('me')?.last_seen === 'nobody');
  expect((await bob.client.privacy()).messages).toBe('everyone');
  expect((await ada.client.presence(bob.user.id)).last_seen).toBeNull();
});
