import { env } from 'cloudflare:workers';
import { expect } from 'vitest';
import { database } from '../../src/db/client.ts';
import { takeDue } from '../../src/db/tasks.ts';
import { newId } from '../../src/ids.ts';
import type { Chat } from '../../src/protocol/chats.ts';
import type { Problem } from '../../src/protocol/errors.ts';
import { applyChanges, emptyList, itemsOf, type ListState } from '../../src/protocol/reduce.ts';
import type { SyncResponse } from '../../src/protocol/sync.ts';
import type {
  CreateWorkspaceInvitation,
  NewWorkspaceInvitation,
  Workspace,
  WorkspaceMember,
  WorkspaceRole,
} from '../../src/protocol/workspaces.ts';
import { type Account, api, type Call, signUp } from '../support/api.ts';

export const act = <T = Problem>(who: Account, path: string, call: Omit<Call, 'token'> = {}) =>
  api<T>(path, { ...call, token: who.token });
/** The code of the refusal, or the status. */
export const outcome = async (who: Account, path: string, call: Omit<Call, 'token'> = {}): Promise<string | number> => {
  const { status, body } = await act<Problem | null>(who, path, call);
  return status < 400 ? status : (body?.code ?? status);
};

export const people = (count: number): Promise<Account[]> => Promise.all(Array.from({ length: count }, () => signUp()));

export async function newWorkspace(owner: Account, name = 'Harbour'): Promise<string> {
  const { status, body } = await act<Workspace>(owner, '/api/workspaces', { body: { name } });
  expect(status).toBe(201);
  return body.id;
}
export const at = (id: string, more = '') => `/api/workspaces/${id}${more}`;
export const update = (who: Account, id: string, body: object) =>
  act<Workspace & Problem>(who, at(id), { method: 'PUT', body });

/** Adds an account with a role, whatever it takes. */
export async function seat(owner: Account, id: string, account: Account, role: WorkspaceRole): Promise<void> {
  const body = { user_ids: [account.id], role: role === 'guest' ? 'guest' : 'member' };
  expect((await act(owner, at(id, '/members'), { body })).status).toBe(201);
  if (role === 'owner' || role === 'admin') expect((await setRole(owner, id, account, role)).status).toBe(200);
}
export const setRole = (who: Account, id: string, whom: Account, role: WorkspaceRole) =>
  act<WorkspaceMember & Problem>(who, at(id, `/members/${whom.id}`), { method: 'PUT', body: { role } });
export const remove = (who: Account, id: string, whom: Account) =>
  act<Problem | null>(who, at(id, `/members/${whom.id}`), { method: 'DELETE' });
export const transfer = (who: Account, id: string, whom: Account) =>
  act(who, at(id, '/transfer'), { body: { user_id: whom.id } });
export const roles = async (id: string): Promise<Record<string, string>> => {
  const { results } = await env.DB.prepare('SELECT user_id, role FROM workspace_members WHERE workspace_id = ?')
    .bind(id)
    .all<{ user_id: string; role: string }>();
  return Object.fromEntries(results.map(({ user_id, role }) => [user_id, role]));
};

export async function invite(
  who: Account,
  id: string,
  body: Partial<CreateWorkspaceInvitation> = {},
): Promise<NewWorkspaceInvitation & { code: string }> {
  const answer = await act<NewWorkspaceInvitation>(who, at(id, '/invitations'), { body });
  expect(answer.status).toBe(201);
  return { ...answer.body, code: answer.body.code ?? '' };
}
export const redeem = (who: Account, code: string) =>
  act<Workspace & Problem>(who, '/api/workspace-invitations/redeem', { body: { code } });

export async function newChannel(who: Account, workspace_id: string, body: object = {}): Promise<string> {
  const input = { type: 'PublicChannel', name: 'Channel', workspace_id, ...body };
  const answer = await act<Chat>(who, '/api/chats', { body: input });
  expect(answer.status).toBe(201);
  return answer.body.id;
}
/** Whether the user is in the conversation: only members read its messages. */
export const isIn = async (who: Account, chat: string): Promise<boolean> =>
  (await act(who, `/api/chats/${chat}/messages`)).status === 200;
export const write = (who: Account, chat: string) =>
  act(who, `/api/chats/${chat}/messages`, { body: { content: 'hello', client_id: newId('req') } });

/** What a device of this user holds after a sync from `state`. */
export async function sync(who: Account, state: ListState = emptyList): Promise<ListState> {
  const query = state.cursor === null ? '' : `?cursor=${state.cursor}`;
  return applyChanges(state, (await act<SyncResponse>(who, `/api/sync${query}`)).body).state;
}
export const rowOf = async (who: Account, id: string, state?: ListState): Promise<Workspace | undefined> =>
  itemsOf(await sync(who, state), 'workspace').get(id);

/** Does what requests have left behind, as the queue would. */
export const settle = async (): Promise<void> => {
  const db = database(env);
  await expect
    .poll(
      async () => {
        for (const { id } of await takeDue(db, Date.now() + 60 * 60_000, 100)) await env.TASKS.send({ task_id: id });
        return env.DB.prepare('SELECT count(*) AS n FROM tasks').first('n');
      },
      { timeout: 20_000, interval: 200 },
    )
    .toBe(0);
};

/** The environment with objects of a kind that cannot be reached. */
export const without = (namespace: 'INBOXES' | 'ROOMS'): Env => ({
  ...env,
  [namespace]: new Proxy(env[namespace], {
    get: (target, property) => {
      if (property === 'get') throw new Error(`none of ${namespace} can be reached`);
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  }),
});

/** The environment with a D1 that takes no batch. */
export const withoutWrites = (): Env => ({
  ...env,
  DB: new Proxy(env.DB, {
    get(target, property) {
      if (property === 'batch') return () => Promise.reject(new Error('no D1'));
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  }),
});
