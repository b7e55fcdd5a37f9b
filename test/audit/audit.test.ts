import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { sweepFiles } from '../../src/files/sweep.ts';
import { newId } from '../../src/ids.ts';
import { AuditAnswer, type AuditPart, type Finding } from '../../src/protocol/audit.ts';
import type { ChatListItem } from '../../src/protocol/chats.ts';
import { type Account, api, expectJson, request, signUp, unique } from '../support/api.ts';
import { begin, complete, putPart, ticketFor, upload } from '../support/files.ts';
import { createChat, eventually, identity, inboxOf, inboxSocket, roomOf, roomSocket } from '../support/objects.ts';

/* What the audit finds when two places disagree, that it repairs it, and that it then finds nothing. */

let ada: Account;
let ben: Account;
let chat: string;

const create = async (body: object): Promise<string> => {
  const answer = await api<{ id: string }>('/api/chats', { token: ada.token, body });
  return answer.body.id;
};

beforeEach(async () => {
  [ada, ben] = [await signUp(), await signUp()];
  chat = await create({ type: 'Group', name: 'Audit', members: [ben.id] });
});

/** Everything that an audit of a part finds, about these people and this conversation. */
async function audit(part: AuditPart, repair = false): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (let after: string | null = ''; after !== null; ) {
    const body = { part, after, repair };
    const page: AuditAnswer = await expectJson(AuditAnswer, 200, '/api/admin/audit', { token: env.ADMIN_TOKEN, body });
    findings.push(...page.findings);
    after = page.next_cursor;
  }
  return findings;
}

const told = (findings: Finding[]) =>
  findings.map(({ kind, chat_id, user_id, file_id, item, object }) =>
    [kind, chat_id, user_id, file_id, item, object].filter((part) => part !== undefined).join(' '),
  );

async function findsAndRepairs(part: AuditPart, what: string): Promise<void> {
  expect(told(await audit(part))).toContain(what);
  expect((await audit(part, true)).filter(({ repaired }) => !repaired)).toEqual([]);
  await eventually('nothing is left to be found', async () => !told(await audit(part)).includes(what), 5000);
}

/** An old inbox row, as after a restore: written past the inbox’s own rules, and read anew. */
async function rewriteInbox(user: string, statement: string, ...values: string[]): Promise<void> {
  await runInDurableObject(inboxOf(user), (_inbox, { storage }) => {
    storage.sql.exec(statement, ...values);
  });
  await evictDurableObject(inboxOf(user));
}

/** A file that a message carries. */
async function sent(account: Account, chatId: string): Promise<string> {
  const { id } = await upload(account, unique('file'));
  const { ticket } = await ticketFor(account, chatId, { file_id: id });
  const body = { kind: 'file', content: '', files: [ticket] };
  expect((await api(`/api/chats/${chatId}/messages`, { token: account.token, body })).status).toBe(201);
  return id;
}

const keyOf = async (file: string): Promise<string> => {
  const row = await env.DB.prepare('SELECT blob_key FROM files WHERE id = ?').bind(file).first<{ blob_key: string }>();
  return row?.blob_key ?? '';
};
const fetched = async (file: string, who: Account): Promise<number> => {
  const response = await request(`/api/chats/${chat}/files/${file}`, { token: who.token });
  await response.body?.cancel();
  return response.status;
};

const listOf = async ({ token }: Account): Promise<ChatListItem[]> =>
  (await api<{ items: ChatListItem[] }>('/api/chats', { token })).body.items;

describe('an audit', () => {
  it('finds nothing where everything agrees', async () => {
    expect(await audit('chats')).toEqual([]);
    expect(await audit('users')).toEqual([]);
    const file = await sent(ada, chat);
    expect(told(await audit('chats'))).toEqual([]);
    expect(told(await audit('files'))).toEqual([]);
    expect(told(await audit('objects'))).toEqual([]);
    expect((await request(`/api/chats/${chat}/files/${file}`, { token: ben.token })).status).toBe(200);
  });

  it('finds a conversation in the directory that has no room, unless it is only just beginning', async () => {
    const id = newId('chat');
    const insert = (at: number) =>
      env.DB.prepare("INSERT INTO chats (id, type, created_by, created_at) VALUES (?, 'Group', ?, ?)")
        .bind(at === 0 ? id : newId('chat'), ada.id, at)
        .run();
    await insert(Date.now());
    expect(await audit('chats')).toEqual([]);
    await insert(0);
    await findsAndRepairs('chats', `room.missing ${id}`);
  });

  it('finds a room that was deleted and stands in the directory', async () => {
    await roomOf(chat).dissolve();
    await findsAndRepairs('chats', `directory.behind ${chat}`);
  });

  it('finds a room that lives although the directory says it was deleted', async () => {
    await env.DB.prepare('UPDATE chats SET deleted_at = 1 WHERE id = ?').bind(chat).run();
    await findsAndRepairs('chats', `room.undead ${chat}`);
    expect((await api(`/api/chats/${chat}`, { token: ada.token })).status).toBe(404);
  });

  it('finds a member whom D1 does not know', async () => {
    const [id, nobody] = [newId('chat'), newId('usr')];
    await env.DB.prepare("INSERT INTO chats (id, type, created_by, created_at) VALUES (?, 'Group', ?, 0)")
      .bind(id, ada.id)
      .run();
    await createChat([ada.id, nobody], { chat_id: id });
    await findsAndRepairs('chats', `member.unknown ${id} ${nobody}`);
  });

  it('finds a member who is not in the workspace', async () => {
    const { body } = await api<{ id: string }>('/api/workspaces', { token: ada.token, body: { name: 'W' } });
    await api(`/api/workspaces/${body.id}/members`, { token: ada.token, body: { user_ids: [ben.id] } });
    const inside = await create({ type: 'Group', name: 'Inside', workspace_id: body.id, members: [ben.id] });
    await env.DB.prepare('DELETE FROM workspace_members WHERE user_id = ?').bind(ben.id).run();
    await findsAndRepairs('chats', `member.outside ${inside} ${ben.id}`);
    expect((await api(`/api/chats/${inside}`, { token: ben.token })).status).toBe(404);
  });

  it('finds an inbox that lacks a conversation, or is behind it', async () => {
    await rewriteInbox(ben.id, 'DELETE FROM chats WHERE chat_id = ?', chat);
    await findsAndRepairs('chats', `inbox.missing ${chat} ${ben.id}`);
    expect((await listOf(ben)).map(({ id }) => id)).toEqual([chat]);
    const another = "UPDATE chats SET epoch = 'another', item = json_set(item, '$.epoch', 'another') WHERE chat_id = ?";
    await rewriteInbox(ben.id, another, chat);
    await findsAndRepairs('chats', `inbox.behind ${chat} ${ben.id}`);
  });

  it('finds a conversation in an inbox whose user is not in it', async () => {
    await roomOf(chat).expel(ben.id);
    await eventually('the inbox knows', async () => (await listOf(ben)).length === 0);
    const row = await runInDurableObject(inboxOf(ada.id), (_inbox, { storage }) =>
      storage.sql.exec('SELECT item FROM chats WHERE chat_id = ?', chat).one(),
    );
    await rewriteInbox(
      ben.id,
      'UPDATE chats SET gone = NULL, member_seq = 0, item = ? WHERE chat_id = ?',
      String(row.item),
      chat,
    );
    await findsAndRepairs('users', `inbox.ghost ${chat} ${ben.id}`);
    expect(await listOf(ben)).toEqual([]);
  });

  it('finds an inbox that does not know that its user is suspended', async () => {
    await env.DB.prepare("UPDATE users SET status = 'Suspended' WHERE id = ?").bind(ben.id).run();
    await findsAndRepairs('users', `status.behind ${ben.id}`);
    expect((await api('/api/users/me', { token: ben.token })).status).toBe(403);
  });

  it('finds an inbox that has a row otherwise than D1, also one that is ahead of what D1 was restored to', async () => {
    const ask = () => api('/api/friend-requests', { token: ada.token, body: { user_id: ben.id } });
    const contact = async () => {
      const { body } = await api<{ changes: { type: string; id: string; value: unknown }[] }>('/api/sync', {
        token: ben.token,
      });
      return body.changes.find(({ type, id }) => type === 'contact' && id === ada.id)?.value;
    };
    await ask();
    await api('/api/friend-requests', { token: ben.token, body: { user_id: ada.id } });
    expect(await contact()).toMatchObject({ state: 'friend' });
    await env.DB.prepare("UPDATE contacts SET state = 'none', text = NULL, since = NULL, version = 1").run();
    await findsAndRepairs('users', `item.behind ${ben.id} contact/${ada.id}`);
    expect(await contact()).toBeNull();
    // What D1 tells from here on is news again.
    await ask();
    expect(await contact()).toMatchObject({ state: 'received' });
    await rewriteInbox(ben.id, "UPDATE items SET value = NULL WHERE kind = 'contact'");
    await findsAndRepairs('users', `item.behind ${ben.id} contact/${ada.id}`);
    expect(await contact()).toMatchObject({ state: 'received' });
  });

  it('finds a workspace that an inbox does not know, or knows although D1 does not', async () => {
    const { body } = await api<{ id: string }>('/api/workspaces', { token: ada.token, body: { name: 'W' } });
    await rewriteInbox(ada.id, 'DELETE FROM items WHERE id = ?', body.id);
    await findsAndRepairs('users', `item.behind ${ada.id} workspace/${body.id}`);
    await env.DB.prepare('DELETE FROM workspace_members WHERE workspace_id = ?').bind(body.id).run();
    await findsAndRepairs('users', `item.behind ${ada.id} workspace/${body.id}`);
  });

  it('finds a Single that does not know of a block, or of its end', async () => {
    const single = await create({ type: 'Single', members: [ben.id] });
    const write = () => request(`/api/chats/${single}/messages`, { token: ben.token, body: { content: 'x' } });
    expect((await write()).status).toBe(201);
    await request(`/api/blocks/${ben.id}`, { method: 'PUT', token: ada.token });
    expect((await write()).status).toBe(403);
    await env.DB.prepare('UPDATE contacts SET blocked_at = NULL, version = 0').run();
    await findsAndRepairs('chats', `block.behind ${single} ${ada.id}`);
    expect((await write()).status).toBe(201);
    await env.DB.prepare('UPDATE contacts SET blocked_at = 1 WHERE user_id = ?').bind(ada.id).run();
    await findsAndRepairs('chats', `block.behind ${single} ${ada.id}`);
    expect((await write()).status).toBe(403);
  });

  it('finds a conversation that keeps messages longer than its workspace says', async () => {
    const { body } = await api<{ id: string }>('/api/workspaces', { token: ada.token, body: { name: 'W' } });
    const inside = await create({ type: 'Group', name: 'Inside', workspace_id: body.id, members: [] });
    const patch = (days: number | null) =>
      api(`/api/workspaces/${body.id}`, { method: 'PUT', token: ada.token, body: { retention_days: days } });
    await patch(30);
    await patch(null);
    const timer = async () =>
      (await api<{ retention?: { message_timer: number | null } }>(`/api/chats/${inside}`, { token: ada.token })).body
        .retention?.message_timer ?? null;
    expect(await timer()).toBeNull();
    await env.DB.prepare('UPDATE workspaces SET retention_days = 30, version = 1 WHERE id = ?').bind(body.id).run();
    await findsAndRepairs('chats', `retention.behind ${inside}`);
    expect(await timer()).toBe(30 * 24 * 60 * 60);
  });

  it('finds a channel that the directory shows otherwise, or of a later version', async () => {
    const name = unique('tides');
    const channel = await create({ type: 'PublicChannel', name, members: [] });
    const found = async () =>
      (await api<{ items: { id: string; name: string }[] }>(`/api/channels?q=${name}`, { token: ben.token })).body
        .items;
    await eventually('it is listed', async () => (await found()).length === 1);
    const change = 'UPDATE channels SET version = 1000, topic = ? WHERE id = ?';
    await env.DB.prepare(change).bind('another', channel).run();
    await findsAndRepairs('chats', `channel.behind ${channel}`);
    expect(await found()).toMatchObject([{ id: channel, name, topic: null }]);
    await env.DB.prepare('DELETE FROM channels WHERE id = ?').bind(channel).run();
    await findsAndRepairs('chats', `channel.behind ${channel}`);
    expect(await found()).toHaveLength(1);
  });

  it('finds a content that R2 has lost, and messages whose file is nowhere', async () => {
    const file = await sent(ada, chat);
    const key = await keyOf(file);
    await env.FILES.delete(key);
    await findsAndRepairs('files', `object.missing ${key}`);
    expect((await request(`/api/files/${file}/content`, { token: ada.token })).status).toBe(404);
    const storage = await api('/api/users/me/storage', { token: ada.token });
    expect(storage.body).toMatchObject({ used: 0 });
    await findsAndRepairs('chats', `file.lost ${chat} ${file}`);
    expect(await fetched(file, ben)).toBe(404);
  });

  it('finds a file of a message whose conversation D1 does not know, before the sweep takes it', async () => {
    const file = await sent(ada, chat);
    await env.DB.prepare('DELETE FROM file_links WHERE file_id = ?').bind(file).run();
    await findsAndRepairs('chats', `file.unlinked ${chat} ${file}`);
    await sweepFiles(env, Date.now() + 40 * 24 * 60 * 60 * 1000);
    expect(await fetched(file, ben)).toBe(200);
  });

  it('finds an object that nobody names, and leaves one that is on its way', async () => {
    const key = unique('nobodys');
    await env.FILES.put(key, 'bytes');
    const { id } = await begin(ada, { size: 3 });
    await putPart(ada, id, 1, 'abc');
    await findsAndRepairs('objects', `object.unknown ${key}`);
    expect(await env.FILES.head(key)).toBeNull();
    await complete(ada, id);
    expect(told(await audit('objects'))).toEqual([]);
    expect((await request(`/api/files/${id}/content`, { token: ada.token })).status).toBe(200);
  });

  it('goes through a conversation with many members in several pages', async () => {
    const many = await Promise.all(Array.from({ length: 45 }, () => signUp()));
    const large = await create({ type: 'Group', name: 'Many', members: many.map(({ id }) => id) });
    const last =
      many
        .map(({ id }) => id)
        .sort()
        .at(-1) ?? '';
    await eventually(
      'all are told',
      async () =>
        !told(await audit('chats'))
          .join()
          .includes(large),
      5000,
    );
    await rewriteInbox(last, 'DELETE FROM chats WHERE chat_id = ?', large);
    await findsAndRepairs('chats', `inbox.missing ${large} ${last}`);
  });
});

describe('a new epoch', () => {
  it('reaches sockets, inboxes and readers, and the log goes on', async () => {
    await api(`/api/chats/${chat}/messages`, { token: ada.token, body: { content: 'before' } });
    const [room, device] = [await roomSocket(chat, identity(ada.id), 0), await inboxSocket(identity(ben.id))];
    const first = await room.next('events');
    await device.next('inbox');
    const renewed = await request(`/api/admin/chats/${chat}/epoch`, { method: 'POST', token: env.ADMIN_TOKEN });
    expect(renewed.status).toBe(204);
    const frame = await room.next('events', ({ epoch }) => epoch !== first.epoch);
    expect(frame).toMatchObject({ events: [], head_seq: first.head_seq });
    const change = await device.next('inbox', ({ changes }) => JSON.stringify(changes).includes(frame.epoch));
    expect(JSON.stringify(change.changes)).not.toContain(first.epoch);
    const page = await api(`/api/chats/${chat}/events?after=0`, { token: ben.token });
    expect(page.body).toMatchObject({ epoch: frame.epoch, head_seq: first.head_seq });
    await api(`/api/chats/${chat}/messages`, { token: ada.token, body: { content: 'after' } });
    expect(await room.next('events')).toMatchObject({ epoch: frame.epoch, head_seq: first.head_seq + 1 });
    expect((await listOf(ada))[0]?.epoch).toBe(frame.epoch);
    await eventually(
      'everybody agrees',
      async () =>
        !told(await audit('chats'))
          .join()
          .includes(chat),
    );
  });
});
