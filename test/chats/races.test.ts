import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { setStatus } from '../../src/auth/users.ts';
import { addMembers, createChat } from '../../src/chats/directory.ts';
import type { Chat } from '../../src/protocol/chats.ts';
import type { Problem } from '../../src/protocol/errors.ts';
import type { Workspace } from '../../src/protocol/workspaces.ts';
import worker from '../../src/worker.ts';
import { DELETION_GRACE_MS } from '../../src/workspaces/grace.ts';
import { deleteDueWorkspaces } from '../../src/workspaces/workspaces.ts';
import { type Account, api, ORIGIN, signIn, signUp } from '../support/api.ts';
import { interposed } from '../support/interpose.ts';
import { TestSocket } from '../support/socket.ts';

/* Two things at once, in the order that hurts: the second happens whole, right before the first one's last step. */

let owner: Account;
let member: Account;
let workspace: string;

beforeAll(async () => {
  [owner, member] = [await signUp(), await signUp()];
});
beforeEach(async () => {
  const { body } = await api<Workspace>('/api/workspaces', { token: owner.token, body: { name: 'W' } });
  workspace = body.id;
  await api(`/api/workspaces/${workspace}/members`, { token: owner.token, body: { user_ids: [member.id] } });
});

const removeFromWorkspace = async (account: Account): Promise<void> => {
  const path = `/api/workspaces/${workspace}/members/${account.id}`;
  const { status } = await api(path, { method: 'DELETE', token: owner.token });
  expect(status).toBe(204);
};
const codeAt = async (path: string, account: Account) => {
  const { status, body } = await api<Problem | null>(path, { token: account.token });
  return body?.code ?? status;
};
const group = (members: string[]) => ({ type: 'Group' as const, members, workspace_id: workspace });

describe('a member of a workspace who is removed', () => {
  it('while being added to a conversation is not in it', async () => {
    const { chat } = await createChat(env, owner.id, group([]), Date.now());
    const racing = interposed('ROOMS', 'addMembers', () => removeFromWorkspace(member));
    await addMembers(racing, chat.id, owner.id, [member.id]);
    expect(await codeAt(`/api/chats/${chat.id}`, member)).toBe('not_found');
    expect(await codeAt(`/api/chats/${chat.id}`, owner)).toBe(200);
  });

  it('while a conversation with them is created is not in it', async () => {
    const racing = interposed('ROOMS', 'create', () => removeFromWorkspace(member));
    const { chat } = await createChat(racing, owner.id, group([member.id]), Date.now());
    expect(await codeAt(`/api/chats/${chat.id}`, member)).toBe('not_found');
    expect(await codeAt(`/api/chats/${chat.id}`, owner)).toBe(200);
  });

  it('while creating a conversation has created none', async () => {
    const racing = interposed('ROOMS', 'create', () => removeFromWorkspace(member));
    await expect(createChat(racing, member.id, group([owner.id]), Date.now())).rejects.toMatchObject({
      code: 'not_found',
    });
    const { results } = await env.DB.prepare('SELECT id, deleted_at FROM chats WHERE workspace_id = ?')
      .bind(workspace)
      .all<{ id: string; deleted_at: number | null }>();
    expect(results).toHaveLength(1);
    expect(results[0]?.deleted_at).not.toBeNull();
    expect(await codeAt(`/api/chats/${results[0]?.id}`, owner)).toBe('not_found');
  });
});

it('a conversation that is created while its workspace is deleted does not begin', async () => {
  const racing = interposed('ROOMS', 'create', async () => {
    const { status } = await api(`/api/workspaces/${workspace}`, { method: 'DELETE', token: owner.token });
    expect(status).toBe(200);
    await deleteDueWorkspaces(env, Date.now() + DELETION_GRACE_MS);
  });
  await expect(createChat(racing, owner.id, group([member.id]), Date.now())).rejects.toMatchObject({
    code: 'not_found',
  });
});

it('a suspension that is lifted while it is carried out is lifted', async () => {
  const account = await signUp();
  const racing = interposed('INBOXES', 'setSuspended', () => setStatus(env, account.id, 'Active', Date.now()));
  await setStatus(racing, account.id, 'Suspended', Date.now());
  expect(await codeAt('/api/users/me', account)).toBe(200);
});

it('a session that ends while it opens a socket to a room has no socket there', async () => {
  const device = await signIn(owner);
  const { body: chat } = await api<Chat>('/api/chats', { token: owner.token, body: { type: 'Group', name: 'G' } });
  const racing = interposed('ROOMS', 'fetch', () => api('/api/auth/signout', { method: 'POST', token: device.token }));
  const response = await worker.fetch(
    new Request(new URL(`/api/chats/${chat.id}/ws`, ORIGIN), {
      headers: { upgrade: 'websocket', authorization: `Bearer ${device.token}` },
    }),
    racing,
  );
  const socket = new TestSocket(response);
  expect(await socket.closed).toEqual({ code: 4401, reason: 'session_ended' });
  const state = env.ROOMS.get(env.ROOMS.idFromName(chat.id));
  await expect.poll(() => runInDurableObject(state, (_room, ctx) => ctx.getWebSockets().length)).toBe(0);
});
