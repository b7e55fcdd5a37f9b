import { expect, it } from 'vitest';
import { person, secondDevice, until } from '../support/people.ts';

it('workspaces: made, entered by a link, led, handed over, deleted and restored, on every device', async () => {
  const [ada, bob, cleo] = await Promise.all([person('Ada'), person('Bob'), person('Cleo')]);
  const tablet = await secondDevice(bob);
  const { workspaces } = ada.client;
  const { id } = await workspaces.create({ name: 'Harbour' });
  const lobby = await ada.client.chats.create({ type: 'PublicChannel', name: 'Lobby', workspace_id: id });
  await workspaces.update(id, { default_chat_ids: [lobby.id], description: 'A place' });

  const { code, id: invitation } = await workspaces.invite(id, { max_uses: 2 });
  if (code === null) throw new Error('a link has a code');
  expect(await bob.client.workspaces.previewInvitation(code)).toMatchObject({ workspace: { id }, member: false });
  expect(await bob.client.workspaces.redeemInvitation(code)).toMatchObject({ id, role: 'member' });
  await until(() => tablet.client.workspaces.get(id)?.role === 'member');
  await until(() => tablet.client.chats.row(lobby.id) !== undefined);
  expect((await workspaces.invitations(id)).items).toMatchObject([{ id: invitation, uses: 1 }]);
  await workspaces.revokeInvitation(id, invitation);
  await expect(cleo.client.workspaces.redeemInvitation(code)).rejects.toMatchObject({ code: 'not_found' });

  expect(await workspaces.add(id, [cleo.user.id], 'guest')).toMatchObject([{ user_id: cleo.user.id, role: 'guest' }]);
  expect((await cleo.client.workspaces.people(id)).items).toMatchObject([{ user_id: cleo.user.id }]);
  expect((await workspaces.people(id, { q: 'cl', role: 'guest' })).items).toMatchObject([{ fullname: 'Cleo' }]);

  await workspaces.setRole(id, bob.user.id, 'admin');
  await until(() => tablet.client.workspaces.get(id)?.role === 'admin');
  await workspaces.transfer(id, bob.user.id);
  await until(() => workspaces.get(id)?.role === 'admin' && tablet.client.workspaces.get(id)?.role === 'owner');
  await expect(workspaces.delete(id)).rejects.toMatchObject({ code: 'forbidden' });
  expect((await bob.client.workspaces.delete(id)).deleting_at).not.toBeNull();
  await until(() => typeof workspaces.get(id)?.deleting_at === 'string');
  await bob.client.workspaces.restore(id);
  await until(() => workspaces.get(id)?.deleting_at === null);

  await bob.client.workspaces.remove(id, ada.user.id);
  await until(() => workspaces.rows.length === 0);
});
