import { expect, it } from 'vitest';
import { group, person, until } from '../support/people.ts';

it('roles, mutes and bans reach the other’s list and conversation', async () => {
  const [ada, bob] = [await person('Ada'), await person('Bob')];
  const id = await group(ada, bob);
  const [hers, his] = [ada.client.chat(id), bob.client.chat(id)];
  await hers.people.update(bob.user.id, { role: 'moderator', nickname: 'Captain' });
  await until(() => his.row?.role === 'moderator');
  expect(await his.people.member(bob.user.id)).toMatchObject({ nickname: 'Captain' });
  expect((await his.people.search('capt')).map((member) => member.user_id)).toEqual([bob.user.id]);
  await expect(his.people.update(ada.user.id, { role: 'member' })).rejects.toMatchObject({ code: 'forbidden' });

  await hers.people.update(bob.user.id, { muted_until: new Date(Date.now() + 60_000).toISOString() });
  await until(() => his.row?.muted_until !== undefined);
  await expect(his.send('hello').sent).rejects.toMatchObject({ code: 'muted' });

  await hers.people.ban(bob.user.id, 'spam');
  await until(() => his.gone === 'removed');
  expect(await hers.people.bans()).toMatchObject([{ user_id: bob.user.id, reason: 'spam' }]);
  const { code } = await hers.people.invite();
  await expect(bob.client.places.redeem(code)).rejects.toMatchObject({ code: 'not_found' });
  await hers.people.unban(bob.user.id);
  expect(await bob.client.places.redeem(code)).toMatchObject({ chat_id: id, joined: true });
  await until(() => bob.client.chats.row(id) !== undefined);
});

it('a channel is found, looked into, asked for and joined', async () => {
  const [ada, bob] = [await person('Ada'), await person('Bob')];
  const name = `Harbour${Date.now().toString(36)}`;
  const channel = await ada.client.chats.create({ type: 'PublicChannel', name });
  await ada.client.chat(channel.id).send('first').sent;
  let found: string[] = [];
  for (let i = 0; i < 50 && found.length === 0; i++) {
    found = (await bob.client.places.channels({ q: name })).items.map((entry) => entry.id);
    if (found.length === 0) await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(found).toEqual([channel.id]);
  const his = bob.client.chat(channel.id);
  expect((await his.people.preview()).messages.map((message) => message.content)).toEqual(['first']);
  await channel.update({ join_policy: 'approval', topic: 'Boats' });
  await expect(his.join()).rejects.toMatchObject({ code: 'forbidden' });
  await his.people.askToJoin('I sail');
  expect(await channel.people.requests()).toMatchObject([{ user_id: bob.user.id, text: 'I sail' }]);
  await channel.people.decide(bob.user.id, 'accept');
  await until(() => his.row?.topic === 'Boats');
  await channel.people.announce('High water at six');
  await his.people.readAnnouncement();
  expect(await channel.people.announcement()).toMatchObject({ readers: 1, read: false });
  expect((await channel.people.announcementReaders()).map((reader) => reader.user_id)).toEqual([bob.user.id]);
  await expect(channel.leave()).rejects.toMatchObject({ code: 'conflict' });
  await channel.people.transfer(bob.user.id);
  await until(() => his.row?.role === 'owner');
  await channel.leave();
  expect((await his.fetch()).me).toEqual({ role: 'owner' });
  expect((await bob.client.places.permissions()).types.Group.send).toBe('member');
});

it('in slow mode a message waits until the server takes it', async () => {
  const [ada, bob] = [await person('Ada'), await person('Bob')];
  const id = await group(ada, bob);
  await ada.client.chat(id).update({ slow_mode: 1 });
  const [first, second] = [bob.client.chat(id).send('one'), bob.client.chat(id).send('two')];
  const [a, b] = await Promise.all([first.sent, second.sent]);
  expect(b.seq).toBeGreaterThan(a.seq);
});

it('whoever comes back to a later beginning holds nothing of an earlier time, as a new device', async () => {
  const [ada, bob] = [await person('Ada'), await person('Bob')];
  const hers = await ada.client.chats.create({
    type: 'Group',
    name: 'Watches',
    history: 'joined',
    members: [bob.user.id],
  });
  await until(() => bob.client.chats.row(hers.id) !== undefined);
  const his = bob.client.chat(hers.id);
  const contents = () => his.timeline.map(({ content }) => content);
  await hers.send('before').sent;
  await until(() => contents().includes('before'));
  await hers.removeMember(bob.user.id);
  await until(() => his.gone === 'removed');
  expect(contents()).toContain('before');
  await hers.send('meanwhile').sent;
  await hers.addMembers([bob.user.id]);
  await hers.send('after').sent;
  await until(() => contents().includes('after'));
  await until(() => (his.row?.visible_from ?? 1) > 1);
  expect(contents()).toEqual(['after']);
  expect(his.hasOlder).toBe(false);
});
