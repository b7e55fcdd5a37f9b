import { createExecutionContext, createMessageBatch, createScheduledController, getQueueResult } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { endSessions } from '../../src/auth/sessions.ts';
import { database } from '../../src/db/client.ts';
import { deleting, findTask, inserting, type StoredTask, takeDue } from '../../src/db/tasks.ts';
import { newId } from '../../src/ids.ts';
import { inbox, room } from '../../src/objects/stubs.ts';
import type { Chat } from '../../src/protocol/chats.ts';
import type { Problem } from '../../src/protocol/errors.ts';
import type { Workspace } from '../../src/protocol/workspaces.ts';
import { runTask } from '../../src/tasks/perform.ts';
import worker from '../../src/worker.ts';
import { api, signIn, signUp } from '../support/api.ts';

const db = database(env);
const now = () => Date.now();
const store = async (task: StoredTask['task'], at = now()): Promise<StoredTask> => {
  const stored = { id: newId('tsk'), task };
  await inserting(db, stored, at);
  return stored;
};
const codeAt = async (token: string, path = '/api/users/me') => {
  const { status, body } = await api<Problem>(path, { token });
  return body.code ?? status;
};
/** The environment with an INBOXES that cannot be reached. */
const withoutInboxes = (): Env => ({
  ...env,
  INBOXES: new Proxy(env.INBOXES, {
    get: (target, property) => {
      if (property === 'get') throw new Error('no inbox can be reached');
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  }),
});

afterEach(() => {
  vi.restoreAllMocks();
});

async function consume(id: string, environment: Env = env) {
  const batch = createMessageBatch('tideline-tasks', [
    { id: 'm1', timestamp: new Date(), attempts: 1, body: { task_id: id } },
  ]);
  const ctx = createExecutionContext();
  await worker.queue(batch, environment);
  return getQueueResult(batch, ctx);
}

describe('a task', () => {
  it('left behind by a request that could not reach the inbox is done by the queue', async () => {
    const account = await signUp();
    const other = await signIn(account);
    await expect(endSessions(withoutInboxes(), account.id, undefined, now())).rejects.toThrow('no inbox');
    // D1 has it already: no refresh. The inbox does not: the access token still passes.
    expect((await api<Problem>('/api/auth/refresh', { body: { refresh_token: other.refresh_token } })).status).toBe(
      401,
    );
    expect(await codeAt(account.token)).toBe(200);
    const [left] = await env.DB.prepare(
      "SELECT id FROM tasks WHERE kind = 'end_sessions' AND payload LIKE '%' || ? || '%'",
    )
      .bind(account.id)
      .all<{ id: string }>()
      .then(({ results }) => results);
    const id = left?.id ?? '';
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const failed = await consume(id, withoutInboxes());
    expect(failed.retryMessages).toHaveLength(1);
    expect(await findTask(db, id)).toBeDefined();
    const done = await consume(id);
    expect(done.explicitAcks).toEqual(['m1']);
    expect(await findTask(db, id)).toBeUndefined();
    expect(await codeAt(account.token)).toBe('session_ended');
    expect(await codeAt(other.token)).toBe('session_ended');
  });

  it('that comes late ends the sessions that it was about, and no later one', async () => {
    const account = await signUp();
    await expect(endSessions(withoutInboxes(), account.id, undefined, now())).rejects.toThrow();
    const later = await signIn(account);
    const { results } = await env.DB.prepare(
      "SELECT id FROM tasks WHERE kind = 'end_sessions' AND payload LIKE '%' || ? || '%'",
    )
      .bind(account.id)
      .all<{ id: string }>();
    for (const { id } of results) await consume(id);
    expect(await codeAt(account.token)).toBe('session_ended');
    expect(await codeAt(later.token)).toBe(200);
  });

  it('can be carried out twice', async () => {
    const account = await signUp();
    const task = await store({ kind: 'settle_status', user_id: account.id });
    await env.DB.prepare("UPDATE users SET status = 'Suspended' WHERE id = ?").bind(account.id).run();
    await Promise.all([runTask(env, task), runTask(env, task)]);
    await runTask(env, task);
    expect(await codeAt(account.token)).toBe('suspended');
    expect(await findTask(db, task.id)).toBeUndefined();
  });

  it('is acknowledged when it is done already, or when the message names none', async () => {
    expect((await consume(newId('tsk'))).explicitAcks).toEqual(['m1']);
    const lines = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const batch = createMessageBatch('tideline-tasks', [
      { id: 'm1', timestamp: new Date(), attempts: 1, body: 'nonsense' },
    ]);
    await worker.queue(batch, env);
    expect((await getQueueResult(batch, createExecutionContext())).explicitAcks).toEqual(['m1']);
    expect(lines).toHaveBeenCalledTimes(1);
  });

  it('over many conversations goes on where it stopped', { timeout: 60_000 }, async () => {
    const owner = await signUp();
    const member = await signUp();
    const workspace = await api<Workspace>('/api/workspaces', { token: owner.token, body: { name: 'W' } });
    const id = workspace.body.id;
    await api(`/api/workspaces/${id}/members`, { token: owner.token, body: { user_ids: [member.id] } });
    const create = () =>
      api<Chat>('/api/chats', {
        token: owner.token,
        body: { type: 'Group', workspace_id: id, members: [member.id] },
      });
    // More than one run visits.
    const chats: string[] = [];
    for (let i = 0; i < 11; i++) {
      const made = await Promise.all(Array.from({ length: 10 }, create));
      chats.push(...made.map((answer) => answer.body.id));
    }
    const removed = await api(`/api/workspaces/${id}/members/${member.id}`, { method: 'DELETE', token: owner.token });
    expect(removed.status).toBe(204);
    await expect
      .poll(() => env.DB.prepare("SELECT COUNT(*) AS n FROM tasks WHERE kind = 'expel'").first('n'), {
        timeout: 20_000,
      })
      .toBe(0);
    for (const chat of [chats[0], chats[99], chats[100], chats.at(-1)]) {
      expect(await codeAt(member.token, `/api/chats/${chat}`)).toBe('not_found');
    }
  });

  it('leaves one alone who came back to the workspace before it ran', async () => {
    const owner = await signUp();
    const member = await signUp();
    const { body } = await api<Workspace>('/api/workspaces', { token: owner.token, body: { name: 'W' } });
    await api(`/api/workspaces/${body.id}/members`, { token: owner.token, body: { user_ids: [member.id] } });
    const chat = await api<Chat>('/api/chats', {
      token: owner.token,
      body: { type: 'Group', workspace_id: body.id, members: [member.id] },
    });
    await runTask(env, await store({ kind: 'expel', workspace_id: body.id, user_id: member.id, after: '' }));
    expect(await codeAt(member.token, `/api/chats/${chat.body.id}`)).toBe(200);
  });

  it('takes out of a conversation who was let in while leaving its workspace', async () => {
    const [owner, member, outsider] = [await signUp(), await signUp(), await signUp()];
    const { body } = await api<Workspace>('/api/workspaces', { token: owner.token, body: { name: 'W' } });
    const workspace_id = body.id;
    await api(`/api/workspaces/${workspace_id}/members`, { token: owner.token, body: { user_ids: [member.id] } });
    const chat = await api<Chat>('/api/chats', { token: owner.token, body: { type: 'Group', workspace_id } });
    const chat_id = chat.body.id;
    await room(env, chat_id).addMembers(owner.id, [member.id, outsider.id]);
    const user_ids = [owner.id, member.id, outsider.id];
    await runTask(env, await store({ kind: 'settle_members', workspace_id, chat_id, user_ids, new: true }));
    const path = `/api/chats/${chat_id}`;
    expect(await codeAt(owner.token, path)).toBe(200);
    expect(await codeAt(member.token, path)).toBe(200);
    expect(await codeAt(outsider.token, path)).toBe('not_found');
  });

  it('ends a conversation that began as its creator left the workspace', async () => {
    const [owner, member] = [await signUp(), await signUp()];
    const { body } = await api<Workspace>('/api/workspaces', { token: owner.token, body: { name: 'W' } });
    const chat_id = newId('chat');
    const members = [member.id, owner.id];
    await room(env, chat_id).create({
      chat_id,
      type: 'Group',
      name: null,
      workspace_id: body.id,
      created_by: member.id,
      members,
      history: 'all',
    });
    await runTask(
      env,
      await store({ kind: 'settle_members', workspace_id: body.id, chat_id, user_ids: members, new: true }),
    );
    expect(await codeAt(owner.token, `/api/chats/${chat_id}`)).toBe('not_found');
  });

  it('is not left behind by a request that was refused', async () => {
    const [owner, member] = [await signUp(), await signUp()];
    const { body } = await api<Workspace>('/api/workspaces', { token: owner.token, body: { name: 'W' } });
    await api(`/api/workspaces/${body.id}/members`, { token: owner.token, body: { user_ids: [member.id] } });
    const channel = await api<Chat>('/api/chats', {
      token: owner.token,
      body: { type: 'PublicChannel', name: 'C', workspace_id: body.id },
    });
    const answer = await api(`/api/chats/${channel.body.id}/members`, {
      token: member.token,
      body: { user_ids: [owner.id, member.id] },
    });
    expect(answer.status).toBe(403);
    expect(await env.DB.prepare("SELECT COUNT(*) AS n FROM tasks WHERE kind = 'settle_members'").first('n')).toBe(0);
  });

  it('marks a conversation that its room deleted, and only such a one', async () => {
    const owner = await signUp();
    const create = async () =>
      (await api<Chat>('/api/chats', { token: owner.token, body: { type: 'Group', name: 'G' } })).body.id;
    const [gone, kept] = [await create(), await create()];
    await room(env, gone).destroy(owner.id);
    for (const chat_id of [gone, kept]) {
      await runTask(env, await store({ kind: 'settle_deletion', chat_id, user_id: owner.id }));
    }
    const marked = (id: string) =>
      env.DB.prepare('SELECT deleted_at IS NOT NULL AS marked FROM chats WHERE id = ?').bind(id).first('marked');
    expect([await marked(gone), await marked(kept)]).toEqual([1, 0]);
  });
});

describe('the sweep', () => {
  it('takes what is due, each time later than the last', async () => {
    const start = 1_000_000;
    const { id } = await store({ kind: 'settle_status', user_id: newId('usr') }, start);
    const taken = async (at: number) => (await takeDue(db, at, 100)).filter((task) => task.id === id);
    expect(await taken(start + 9_999)).toEqual([]);
    expect(await taken(start + 10_000)).toEqual([{ id, attempts: 1 }]);
    expect(await taken(start + 19_999)).toEqual([]);
    expect(await taken(start + 20_000)).toEqual([{ id, attempts: 2 }]);
    expect(await taken(start + 39_999)).toEqual([]);
    expect(await taken(start + 40_000)).toEqual([{ id, attempts: 3 }]);
    await deleting(db, id);
  });

  it('has the queue do what was left behind, and forgets what says nothing any more', async () => {
    const account = await signUp();
    await expect(endSessions(withoutInboxes(), account.id, undefined, now())).rejects.toThrow();
    await api('/api/auth/signin', { body: { email: account.email, password: 'not the password' } });
    const minute = 60_000;
    const sweepAt = (scheduledTime: number) =>
      worker.scheduled(createScheduledController({ scheduledTime: new Date(scheduledTime) }), env);
    await sweepAt(now() + 16 * minute);
    await expect.poll(() => codeAt(account.token), { timeout: 10_000 }).toBe('session_ended');
    const count = (table: string) => env.DB.prepare(`SELECT COUNT(*) AS n FROM ${table}`).first('n');
    expect(await count('auth_attempts')).toBe(0);
    const sessions = () =>
      env.DB.prepare('SELECT COUNT(*) AS n FROM sessions WHERE user_id = ?').bind(account.id).first('n');
    expect(await sessions()).toBe(1);
    await sweepAt(now() + 8 * 24 * 60 * minute);
    expect(await sessions()).toBe(0);
  });

  it('keeps the sessions that live', async () => {
    const account = await signUp();
    await worker.scheduled(createScheduledController({ scheduledTime: new Date() }), env);
    const refreshed = await api('/api/auth/refresh', { body: { refresh_token: account.refresh_token } });
    expect(refreshed.status).toBe(200);
    expect(
      await inbox(env, account.id).gate({ user_id: account.id, session_id: newId('ses'), issued_at: 0, expires_at: 1 }),
    ).toEqual({ ok: true, value: null });
  });
});
