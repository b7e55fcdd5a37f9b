import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { Chat } from '../../src/protocol/chats.ts';
import type { Problem } from '../../src/protocol/errors.ts';
import { Workspace, WorkspaceMember } from '../../src/protocol/workspaces.ts';
import { pageOf } from '../../src/routes/api.ts';
import { DELETION_GRACE_MS } from '../../src/workspaces/grace.ts';
import { deleteDueWorkspaces } from '../../src/workspaces/workspaces.ts';
import { type Account, api, expectJson, signUp } from '../support/api.ts';
import { openSocket } from '../support/socket.ts';

let owner: Account;
let member: Account;
let stranger: Account;
beforeAll(async () => {
  [owner, member, stranger] = [await signUp(), await signUp(), await signUp()];
});

const WorkspacePage = pageOf(Workspace, 'TestWorkspacePage');
const MemberPage = pageOf(WorkspaceMember, 'TestWorkspaceMemberPage');
const newWorkspace = async (...members: Account[]): Promise<string> => {
  const { id } = await expectJson(Workspace, 201, '/api/workspaces', { token: owner.token, body: { name: 'W' } });
  if (members.length > 0) await invite(id, ...members);
  return id;
};
const invite = (id: string, ...members: Account[]) =>
  api(`/api/workspaces/${id}/members`, { token: owner.token, body: { user_ids: members.map((one) => one.id) } });
const remove = (id: string, account: Account, by = owner) =>
  api(`/api/workspaces/${id}/members/${account.id}`, { method: 'DELETE', token: by.token });
const newChat = async (workspace_id: string, body: object = {}, by = owner): Promise<string> => {
  const input = { type: 'PrivateChannel', name: 'C', workspace_id, ...body };
  return (await expectJson(Chat, 201, '/api/chats', { token: by.token, body: input })).id;
};
/** Deletes a workspace as if its time of grace were over. */
const deleteNow = async (id: string) => {
  expect((await api(`/api/workspaces/${id}`, { method: 'DELETE', token: owner.token })).status).toBe(200);
  await deleteDueWorkspaces(env, Date.now() + DELETION_GRACE_MS);
};
const codeOf = async (path: string, call: Parameters<typeof api>[1]) => {
  const { status, body } = await api<Problem | null>(path, call);
  return body?.code ?? status;
};

describe('workspaces', () => {
  it('are listed to their members in pages', async () => {
    const account = await signUp();
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) {
      const body = { name: `W${i}` };
      ids.push((await expectJson(Workspace, 201, '/api/workspaces', { token: account.token, body })).id);
    }
    const first = await expectJson(WorkspacePage, 200, '/api/workspaces?limit=2', { token: account.token });
    const rest = await expectJson(WorkspacePage, 200, `/api/workspaces?limit=2&cursor=${first.next_cursor}`, {
      token: account.token,
    });
    expect([...first.items, ...rest.items].map((one) => one.id)).toEqual(ids);
    expect(rest.next_cursor).toBeNull();
  });

  it('list their members with their roles', async () => {
    const id = await newWorkspace(member);
    const page = await expectJson(MemberPage, 200, `/api/workspaces/${id}/members`, { token: member.token });
    expect(page.items.map(({ user_id, role }) => [user_id, role]).sort()).toEqual(
      [
        [owner.id, 'owner'],
        [member.id, 'member'],
      ].sort(),
    );
  });

  it('keep what an update does not name', async () => {
    const { id } = await expectJson(Workspace, 201, '/api/workspaces', {
      token: owner.token,
      body: { name: 'Name', description: 'Text' },
    });
    const update = (body: object) =>
      expectJson(Workspace, 200, `/api/workspaces/${id}`, { method: 'PUT', token: owner.token, body });
    expect(await update({ name: 'Other' })).toMatchObject({ name: 'Other', description: 'Text' });
    expect(await update({ description: null })).toMatchObject({ name: 'Other', description: null });
  });
});

describe('the conversations of a workspace', () => {
  it('take in its members alone', async () => {
    const id = await newWorkspace(member);
    const chat = await newChat(id);
    const add = (account: Account) =>
      codeOf(`/api/chats/${chat}/members`, { token: owner.token, body: { user_ids: [account.id] } });
    expect(await add(stranger)).toBe('invalid');
    expect(await add(member)).toBe(201);
  });

  it('are found by its members alone, public channels too, whatever is asked of them', async () => {
    const id = await newWorkspace(member);
    const chat = await newChat(id, { type: 'PublicChannel' });
    expect(await codeOf(`/api/chats/${chat}`, { token: member.token })).toBe(200);
    expect(await codeOf(`/api/chats/${chat}/messages`, { token: member.token })).toBe('forbidden');
    for (const path of ['', '/messages', '/events', '/members']) {
      expect(await codeOf(`/api/chats/${chat}${path}`, { token: stranger.token })).toBe('not_found');
    }
    const self = { token: stranger.token, body: { user_ids: [stranger.id] } };
    expect(await codeOf(`/api/chats/${chat}/members`, self)).toBe('not_found');
    expect(await codeOf(`/api/chats/${chat}`, { method: 'DELETE', token: stranger.token })).toBe('not_found');
    expect(await codeOf(`/api/chats/${chat}/members`, { token: member.token, body: { user_ids: [member.id] } })).toBe(
      201,
    );
  });

  it('are left by one who leaves the workspace, when the answer comes', async () => {
    const id = await newWorkspace(member);
    const chats = [await newChat(id, { members: [member.id] }), await newChat(id, { members: [member.id] })];
    const elsewhere = await expectJson(Chat, 201, '/api/chats', {
      token: owner.token,
      body: { type: 'Group', members: [member.id] },
    });
    const socket = await openSocket(`/api/chats/${chats[0]}/ws`, member.token);
    await socket.next('events');
    expect((await remove(id, member)).status).toBe(204);
    expect((await socket.closed).code).toBe(4403);
    for (const chat of chats) expect(await codeOf(`/api/chats/${chat}`, { token: member.token })).toBe('not_found');
    expect(await codeOf(`/api/chats/${elsewhere.id}`, { token: member.token })).toBe(200);
    expect(await codeOf(`/api/workspaces/${id}`, { token: member.token })).toBe('not_found');
  });

  it('hold nobody who was removed while being added', async () => {
    const id = await newWorkspace();
    const chats = await Promise.all(Array.from({ length: 4 }, () => newChat(id)));
    for (let round = 0; round < 5; round++) {
      await invite(id, member);
      await Promise.all([
        remove(id, member),
        ...chats.map((chat) =>
          api(`/api/chats/${chat}/members`, { token: owner.token, body: { user_ids: [member.id] } }),
        ),
      ]);
      for (const chat of chats) {
        expect(await codeOf(`/api/chats/${chat}`, { token: member.token })).toBe('not_found');
      }
    }
  });

  it('are deleted with it', async () => {
    const id = await newWorkspace(member);
    const chats = await Promise.all(Array.from({ length: 3 }, () => newChat(id, { members: [member.id] })));
    await deleteNow(id);
    expect(await codeOf(`/api/workspaces/${id}`, { token: owner.token })).toBe('not_found');
    expect(await codeOf('/api/chats', { token: owner.token, body: { type: 'Group', workspace_id: id } })).toBe(
      'not_found',
    );
    await expect
      .poll(() => Promise.all(chats.map((chat) => codeOf(`/api/chats/${chat}`, { token: member.token }))), {
        timeout: 10_000,
      })
      .toEqual(chats.map(() => 'not_found'));
    await expect
      .poll(() =>
        env.DB.prepare('SELECT COUNT(*) AS n FROM chats WHERE workspace_id = ? AND deleted_at IS NULL')
          .bind(id)
          .first('n'),
      )
      .toBe(0);
  });

  it('do not outlive it when they are created as it is deleted', async () => {
    for (let round = 0; round < 3; round++) {
      const id = await newWorkspace();
      const [, ...created] = await Promise.all([
        deleteNow(id),
        ...Array.from({ length: 5 }, () =>
          api<Chat>('/api/chats', {
            token: owner.token,
            body: { type: 'PrivateChannel', name: 'C', workspace_id: id },
          }),
        ),
      ]);
      await expect
        .poll(() => env.DB.prepare("SELECT COUNT(*) AS n FROM tasks WHERE kind = 'dissolve'").first('n'), {
          timeout: 10_000,
        })
        .toBe(0);
      for (const { status, body } of created) {
        if (status === 201) expect(await codeOf(`/api/chats/${body.id}`, { token: owner.token })).toBe('not_found');
        else expect(status).toBe(404);
      }
    }
  });
});
