import { describe, expect, it } from 'vitest';
import type { NotificationPage } from '../../src/protocol/notifications.ts';
import { type Account, api, request, signIn, signUp } from '../support/api.ts';
import { eventually } from '../support/objects.ts';

/* From what people do to what others are notified of, through the door. */

const list = async ({ token }: Account, query = ''): Promise<NotificationPage> =>
  (await api<NotificationPage>(`/api/notifications${query}`, { token })).body;
const kinds = async (who: Account): Promise<string[]> =>
  (await list(who)).items.map((row) => `${row.kind === 'system' ? row.event : row.kind}${row.read_at ? ' read' : ''}`);
/** Waits until somebody is notified of exactly this, the newest first. */
const told = (who: Account, ...wanted: string[]) =>
  eventually(wanted.join(), async () => JSON.stringify(await kinds(who)) === JSON.stringify(wanted), 5000);
const made = async <T = { id: string }>(path: string, { token }: Account, body: unknown, method = 'POST') => {
  const answer = await api<T>(path, { method, token, body });
  expect([path, answer.status]).toEqual([path, answer.status > 201 ? 200 : answer.status]);
  return answer.body;
};
const done = async (path: string, { token }: Account, method: string, body?: unknown): Promise<void> => {
  const { status } = await request(path, { method, token, ...(body === undefined ? {} : { body }) });
  expect([path, status]).toEqual([path, status < 300 ? status : 204]);
};

describe('somebody is notified', () => {
  it('when they are let into a conversation, given a role, mentioned, and put out', async () => {
    const [ada, bob] = [await signUp(), await signUp()];
    const { id } = await made('/api/chats', ada, { type: 'Group', name: 'Engines', members: [bob.id] });
    await told(bob, 'invitation');
    expect(await kinds(ada)).toEqual([]);
    await made(`/api/chats/${id}/members/${bob.id}`, ada, { role: 'moderator' }, 'PUT');
    await told(bob, 'role');
    const { seq } = await made<{ seq: number }>(`/api/chats/${id}/messages`, ada, {
      content: 'a secret for @Bob',
      mentions: [bob.id],
    });
    await told(bob, 'mention', 'role');
    expect(JSON.stringify(await list(bob))).not.toContain('secret');
    const [mention] = (await list(bob)).items;
    expect(mention).toMatchObject({ kind: 'mention', chat_id: id, seq, actor_id: ada.id, thread_seq: null });
    const reply = await made<{ seq: number }>(`/api/chats/${id}/messages`, ada, {
      content: '@Bob again',
      mentions: [bob.id],
      thread_seq: seq,
    });
    await told(bob, 'mention', 'mention', 'role');
    expect((await list(bob, '?limit=1')).items).toMatchObject([{ seq: reply.seq, thread_seq: seq }]);
    await done(`/api/chats/${id}/messages/${reply.seq}`, ada, 'DELETE');
    await told(bob, 'mention', 'role');
    await done(`/api/chats/${id}/members/${bob.id}`, ada, 'DELETE');
    await told(bob, 'removed');
  });

  it('when somebody asks to be a friend, accepts, and writes; of what is theirs alone', async () => {
    const [ada, bob] = [await signUp(), await signUp()];
    await made('/api/friend-requests', ada, { user_id: bob.id, text: 'a secret' });
    await told(bob, 'friend_request');
    await made(`/api/friend-requests/${ada.id}/accept`, bob, {});
    await told(bob);
    await told(ada, 'friend_accepted');
    const { id } = await made('/api/chats', ada, { type: 'Single', members: [bob.id] });
    await made(`/api/chats/${id}/messages`, ada, { content: 'a secret' });
    await told(bob, 'dm');
    expect(await kinds(ada)).toEqual(['friend_accepted']);
    const [dm] = (await list(bob)).items;
    for (const [method, body] of [
      ['POST', { id: dm?.id }],
      ['DELETE', undefined],
    ] as const) {
      const path = method === 'POST' ? '/api/notifications/read' : `/api/notifications/${dm?.id}`;
      expect((await request(path, { method, token: ada.token, ...(body ? { body } : {}) })).status).toBe(404);
    }
    await done('/api/notifications/read', bob, 'POST', { all: true });
    await told(bob, 'dm read');
    expect(await list(bob)).toMatchObject({ unread: 0, unread_dropped: 0 });
    await done('/api/notifications', bob, 'DELETE');
    expect((await list(bob)).items).toEqual([]);
  });

  it('of workspaces: let in, another role, about to be deleted, put out', async () => {
    const [ada, bob] = [await signUp(), await signUp()];
    const { id } = await made('/api/workspaces', ada, { name: 'Harbour' });
    const at = `/api/workspaces/${id}`;
    await made(`${at}/members`, ada, { user_ids: [bob.id] });
    await told(bob, 'invitation');
    await made(`${at}/members/${bob.id}`, ada, { role: 'admin' }, 'PUT');
    await told(bob, 'role');
    expect((await list(bob)).items).toMatchObject([{ workspace_id: id, role: 'admin', actor_id: ada.id }]);
    await done(at, ada, 'DELETE');
    await told(bob, 'workspace_deletion', 'role');
    await made(`${at}/restore`, ada, {});
    await told(bob, 'role');
    await done(`${at}/members/${bob.id}`, ada, 'DELETE');
    await told(bob, 'removed');
    expect((await list(bob)).items).toMatchObject([{ workspace_id: id, actor_id: ada.id }]);
    // What it is called now is not theirs to know.
    expect(JSON.stringify(await list(bob))).not.toContain('Harbour');
  });

  it('of a sign-in from a new device', async () => {
    const ada = await signUp();
    await signIn(ada, 'A strange device');
    await told(ada, 'new_device');
    expect((await list(ada)).items).toMatchObject([{ device: 'A strange device' }]);
  });
});
