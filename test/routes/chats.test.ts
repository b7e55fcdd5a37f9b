import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { Chat, ChatListItem, Member } from '../../src/protocol/chats.ts';
import type { Problem } from '../../src/protocol/errors.ts';
import { Message, SentMessage } from '../../src/protocol/messages.ts';
import { pageOf } from '../../src/routes/api.ts';
import { type Account, api, expectJson, signUp } from '../support/api.ts';
import { openSocket } from '../support/socket.ts';

let ada: Account;
let ben: Account;
let eve: Account;
beforeAll(async () => {
  [ada, ben, eve] = [await signUp(), await signUp(), await signUp()];
});

const create = (account: Account, body: unknown) => expectJson(Chat, 201, '/api/chats', { token: account.token, body });
const codeOf = async (path: string, call: Parameters<typeof api>[1]) => {
  const { status, body } = await api<Problem>(path, call);
  return [status, body?.code];
};
const ChatPage = pageOf(ChatListItem, 'TestChatPage');
const MemberPage = pageOf(Member, 'TestMemberPage');

describe('the Single of a pair', () => {
  it('exists once however many create it at once, from both sides', async () => {
    const [one, two] = [await signUp(), await signUp()];
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => {
        const [me, other] = i % 2 === 0 ? [one, two] : [two, one];
        return api<Chat>('/api/chats', { token: me.token, body: { type: 'Single', members: [other.id] } });
      }),
    );
    expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(1);
    expect(answers.filter((answer) => answer.status === 201)).toHaveLength(1);
    expect(answers.filter((answer) => answer.status === 200)).toHaveLength(19);
    const [chat] = answers.map((answer) => Chat.parse(answer.body));
    expect(chat).toMatchObject({ type: 'Single', name: null, member_count: 2, history: 'all' });
    expect(chat?.peer_ids?.toSorted()).toEqual([one.id, two.id].sort());
    const row = await env.DB.prepare('SELECT COUNT(*) AS n FROM chats WHERE id = ?').bind(chat?.id).first('n');
    expect(row).toBe(1);
  });

  it('is there for one who was suspended since', async () => {
    const gone = await signUp();
    const chat = await create(ada, { type: 'Single', members: [gone.id] });
    await api(`/api/admin/users/${gone.id}/status`, {
      method: 'PUT',
      token: env.ADMIN_TOKEN,
      body: { status: 'Suspended' },
    });
    const again = await api<Chat>('/api/chats', { token: ada.token, body: { type: 'Single', members: [gone.id] } });
    expect([again.status, again.body.id]).toEqual([200, chat.id]);
  });

  it('is neither renamed, nor left, nor deleted, nor joined', async () => {
    const { id } = await create(ada, { type: 'Single', members: [(await signUp()).id] });
    const path = `/api/chats/${id}`;
    expect(await codeOf(path, { method: 'PUT', token: ada.token, body: { name: 'x' } })).toEqual([403, 'forbidden']);
    expect(await codeOf(path, { method: 'DELETE', token: ada.token })).toEqual([403, 'forbidden']);
    expect(await codeOf(`${path}/members/${ada.id}`, { method: 'DELETE', token: ada.token })).toEqual([
      403,
      'forbidden',
    ]);
    expect(await codeOf(`${path}/members`, { token: ada.token, body: { user_ids: [eve.id] } })).toEqual([
      403,
      'forbidden',
    ]);
  });
});

describe('groups and channels', () => {
  it('have the defaults of their type', async () => {
    const of = async (body: object) => {
      const { name, history, workspace_id } = await create(ada, { members: [ben.id], ...body });
      return { name, history, workspace_id };
    };
    expect(await of({ type: 'Group' })).toEqual({ name: null, history: 'joined', workspace_id: null });
    expect(await of({ type: 'PrivateChannel', name: ' p ' })).toEqual({
      name: 'p',
      history: 'all',
      workspace_id: null,
    });
    expect(await of({ type: 'PublicChannel', name: 'p', history: 'joined' })).toMatchObject({ history: 'joined' });
  });

  it('are in the directory before anybody is in them', async () => {
    const { id, created_at } = await create(ada, { type: 'Group', members: [ben.id] });
    const row = await env.DB.prepare('SELECT * FROM chats WHERE id = ?').bind(id).first();
    expect(row).toMatchObject({ type: 'Group', created_by: ada.id, workspace_id: null, deleted_at: null });
    expect(Number(row?.created_at)).toBeLessThanOrEqual(Date.parse(created_at));
  });

  it('name who cannot be added, and add nobody then', async () => {
    const { id } = await create(ada, { type: 'Group', members: [] });
    const nobody = 'usr_01kahq0z9pm3v1x8e6t4w2y7rd';
    const answer = await api<Problem>(`/api/chats/${id}/members`, {
      token: ada.token,
      body: { user_ids: [ben.id, nobody] },
    });
    expect(answer.status).toBe(422);
    expect(answer.body.errors).toEqual([{ path: 'user_ids', message: expect.stringContaining(nobody) }]);
    const { items } = await expectJson(MemberPage, 200, `/api/chats/${id}/members`, { token: ada.token });
    expect(items.map((member) => member.user_id)).toEqual([ada.id]);
  });

  it('list their members in pages', async () => {
    const others = await Promise.all(Array.from({ length: 4 }, () => signUp()));
    const { id } = await create(ada, { type: 'Group', members: others.map((account) => account.id) });
    const seen: string[] = [];
    let after = '';
    do {
      const page = await expectJson(MemberPage, 200, `/api/chats/${id}/members?limit=2${after}`, { token: ada.token });
      expect(page.items.length).toBeLessThanOrEqual(2);
      seen.push(...page.items.map((member) => member.user_id));
      after = page.next_cursor === null ? '' : `&after=${page.next_cursor}`;
    } while (after !== '');
    expect(seen).toEqual([ada.id, ...others.map((account) => account.id)].sort());
  });

  it('a removed member’s socket closes, and they are told apart from strangers in nothing', async () => {
    const { id } = await create(ada, { type: 'Group', members: [ben.id] });
    const socket = await openSocket(`/api/chats/${id}/ws`, ben.token);
    await socket.next('events');
    const path = `/api/chats/${id}/members/${ben.id}`;
    expect((await api(path, { method: 'DELETE', token: ada.token })).status).toBe(204);
    expect((await socket.closed).code).toBe(4403);
    for (const account of [ben, eve]) {
      expect(await codeOf(`/api/chats/${id}`, { token: account.token })).toEqual([404, 'not_found']);
      expect(await codeOf(`/api/chats/${id}/messages`, { token: account.token })).toEqual([404, 'not_found']);
    }
  });

  it('a deleted one is gone for all and marked in the directory', async () => {
    const { id } = await create(ada, { type: 'Group', members: [ben.id] });
    const socket = await openSocket(`/api/chats/${id}/ws`, ben.token);
    await socket.next('events');
    expect((await api(`/api/chats/${id}`, { method: 'DELETE', token: ada.token })).status).toBe(204);
    expect((await socket.closed).code).toBe(4404);
    expect(await codeOf(`/api/chats/${id}`, { token: ada.token })).toEqual([404, 'not_found']);
    const row = await env.DB.prepare('SELECT deleted_at FROM chats WHERE id = ?').bind(id).first();
    expect(row?.deleted_at).not.toBeNull();
    const left = await env.DB.prepare("SELECT COUNT(*) AS n FROM tasks WHERE kind = 'settle_deletion'").first('n');
    expect(left).toBe(0);
  });

  it('a public channel is joined by naming oneself, and read after that', async () => {
    const { id } = await create(ada, { type: 'PublicChannel', name: 'Public' });
    await api(`/api/chats/${id}/messages`, { token: ada.token, body: { content: 'before' } });
    expect(await codeOf(`/api/chats/${id}/messages`, { token: eve.token })).toEqual([403, 'forbidden']);
    const joined = await api<{ items: Member[] }>(`/api/chats/${id}/members`, {
      token: eve.token,
      body: { user_ids: [eve.id] },
    });
    expect([joined.status, joined.body.items.map((member) => member.user_id)]).toEqual([201, [eve.id]]);
    const page = await api<{ items: Message[] }>(`/api/chats/${id}/messages`, { token: eve.token });
    expect(page.body.items.map((message) => message.content)).toEqual(['before']);
  });
});

describe('messages over REST', () => {
  it('page through the log without gap or overlap, in both directions', async () => {
    const { id } = await create(ada, { type: 'Group', members: [] });
    const sent: number[] = [];
    for (let i = 0; i < 7; i++) {
      const message = await expectJson(SentMessage, 201, `/api/chats/${id}/messages`, {
        token: ada.token,
        body: { content: `m${i}` },
      });
      sent.push(message.seq);
    }
    const page = async (query: string) => {
      const { body } = await api<{ items: Message[]; has_more: boolean }>(`/api/chats/${id}/messages?${query}`, {
        token: ada.token,
      });
      return { seqs: body.items.map((message) => Message.parse(message).seq), has_more: body.has_more };
    };
    expect(await page('limit=3')).toEqual({ seqs: sent.slice(4), has_more: true });
    expect(await page(`limit=3&before=${sent[4]}`)).toEqual({ seqs: sent.slice(1, 4), has_more: true });
    expect(await page(`limit=3&before=${sent[1]}`)).toEqual({ seqs: sent.slice(0, 1), has_more: false });
    expect(await page('limit=3&after=0')).toEqual({ seqs: sent.slice(0, 3), has_more: true });
    expect(await page(`limit=3&after=${sent[5]}`)).toEqual({ seqs: sent.slice(6), has_more: false });
  });

  it('a resend is the same message, another text under its name a conflict', async () => {
    const { id } = await create(ada, { type: 'Group', members: [] });
    const call = (content: string) => ({ token: ada.token, body: { client_id: 'once', content } });
    const first = await expectJson(SentMessage, 201, `/api/chats/${id}/messages`, call('hello'));
    const again = await expectJson(SentMessage, 200, `/api/chats/${id}/messages`, call('hello'));
    expect(again).toEqual({ ...first, duplicate: true });
    expect(await codeOf(`/api/chats/${id}/messages`, call('other'))).toEqual([409, 'conflict']);
  });

  it('a text comes back byte for byte', async () => {
    const { id } = await create(ada, { type: 'Group', members: [] });
    const content = ' \u0000\u0007\r\n\t"\\ 好世界 🌊\u2028\ufeff e\u0301 é ';
    const sent = await expectJson(SentMessage, 201, `/api/chats/${id}/messages`, {
      token: ada.token,
      body: { content },
    });
    expect(sent.content).toBe(content);
    const { body } = await api<{ items: Message[] }>(`/api/chats/${id}/messages`, { token: ada.token });
    expect(body.items[0]?.content).toBe(content);
  });
});

describe('the list of conversations', () => {
  it('comes in pages, latest activity first', async () => {
    const account = await signUp();
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.unshift((await create(account, { type: 'Group', name: `G${i}` })).id);
    const seen: string[] = [];
    let cursor = '';
    do {
      const page = await expectJson(ChatPage, 200, `/api/chats?limit=2${cursor}`, { token: account.token });
      seen.push(...page.items.map((item) => item.id));
      cursor = page.next_cursor === null ? '' : `&cursor=${encodeURIComponent(page.next_cursor)}`;
    } while (cursor !== '');
    expect(seen).toEqual(ids);
  });

  it('keeps the reader’s preferences, theirs alone', async () => {
    const { id } = await create(ada, { type: 'Group', members: [ben.id] });
    const path = `/api/chats/${id}/preferences`;
    const item = await expectJson(ChatListItem, 200, path, {
      method: 'PUT',
      token: ada.token,
      body: { muted: true, pinned: true },
    });
    expect(item).toMatchObject({ muted: true, pinned: true, archived: false });
    const { items } = await expectJson(ChatPage, 200, '/api/chats', { token: ben.token });
    expect(items.find((one) => one.id === id)).toMatchObject({ muted: false, pinned: false });
  });
});
