import { runDurableObjectAlarm } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { redeemInvitation } from '../../src/chats/people.ts';
import { listChannel, wordsOf } from '../../src/db/channels.ts';
import { database } from '../../src/db/client.ts';
import type { Chat, Member, Workspace } from '../../src/protocol/chats.ts';
import type { Problem } from '../../src/protocol/errors.ts';
import type { ChannelEntry, NewInvitation } from '../../src/protocol/people.ts';
import { type Account, api, signUp, unique } from '../support/api.ts';
import { interposed } from '../support/interpose.ts';
import { eventually, roomOf } from '../support/objects.ts';

let ada: Account;
let ben: Account;
let eve: Account;
let workspace: string;
beforeAll(async () => {
  [ada, ben, eve] = [await signUp(), await signUp(), await signUp()];
});
beforeEach(async () => {
  const { body } = await api<Workspace>('/api/workspaces', { token: ada.token, body: { name: 'W' } });
  workspace = body.id;
  await api(`/api/workspaces/${workspace}/members`, { token: ada.token, body: { user_ids: [ben.id] } });
});

const create = async (body: object): Promise<string> =>
  (await api<Chat>('/api/chats', { token: ada.token, body })).body.id;
const put = (path: string, account: Account, body: object) =>
  api<Problem>(path, { method: 'PUT', token: account.token, body });
const invite = async (chat: string, body: object = {}): Promise<string> =>
  (await api<NewInvitation>(`/api/chats/${chat}/invitations`, { token: ada.token, body })).body.code;
const redeem = async (account: Account, code: string) => {
  const answer = await api<Problem>('/api/invitations/redeem', { token: account.token, body: { code } });
  return answer.body.code ?? answer.status;
};
const seen = async (account: Account, chat: string) =>
  (await api(`/api/chats/${chat}/messages`, { token: account.token })).status;

describe('an invitation', () => {
  it('lets in whoever has its code, and is not found by its id, its digest or another chat', async () => {
    const chat = await create({ type: 'Group', name: 'G' });
    const code = await invite(chat);
    expect(code.startsWith(chat.slice(5))).toBe(true);
    const other = (await create({ type: 'Group', name: 'H' })).slice(5) + code.slice(26);
    expect(await redeem(eve, other)).toBe('not_found');
    expect(await redeem(eve, code)).toBe(200);
    expect(await seen(eve, chat)).toBe(200);
    const { body } = await api<{ items: object[] }>(`/api/chats/${chat}/invitations`, { token: ada.token });
    expect(JSON.stringify(body)).not.toContain(code.slice(26));
  });

  it('into a conversation of a workspace lets its members only', async () => {
    const chat = await create({ type: 'Group', workspace_id: workspace });
    const code = await invite(chat);
    expect(await redeem(eve, code)).toBe('not_found');
    const preview = await api('/api/invitations/preview', { token: eve.token, body: { code } });
    expect(preview.status).toBe(404);
    expect(await redeem(ben, code)).toBe(200);
  });

  it('does not let in who is removed from the workspace meanwhile', async () => {
    const chat = await create({ type: 'Group', workspace_id: workspace });
    const code = await invite(chat);
    const path = `/api/workspaces/${workspace}/members/${ben.id}`;
    // The first call looks at the invitation, the second lets in.
    const late = interposed('ROOMS', 'manage', () => api(path, { method: 'DELETE', token: ada.token }), 2);
    await expect(redeemInvitation(late, ben.id, code)).rejects.toMatchObject({ code: 'not_found' });
    expect(await seen(ben, chat)).toBe(404);
  });

  it('is redeemed at once by many: as many come in as it is for', async () => {
    const chat = await create({ type: 'Group', name: 'G' });
    const code = await invite(chat, { max_uses: 3 });
    const comers = await Promise.all(Array.from({ length: 8 }, () => signUp()));
    const answers = await Promise.all([...comers, ...comers].map((account) => redeem(account, code)));
    expect(new Set(answers)).toEqual(new Set([200, 'not_found']));
    const { body } = await api<{ items: Member[] }>(`/api/chats/${chat}/members`, { token: ada.token });
    expect(body.items).toHaveLength(4);
  });
});

it('who asked to join a channel of a workspace and left the workspace is not let in', async () => {
  const chat = await create({ type: 'PublicChannel', name: 'C', workspace_id: workspace, join_policy: 'approval' });
  expect((await api(`/api/chats/${chat}/requests`, { token: eve.token, body: {} })).status).toBe(404);
  expect((await api(`/api/chats/${chat}/requests`, { token: ben.token, body: {} })).status).toBe(200);
  await api(`/api/workspaces/${workspace}/members/${ben.id}`, { method: 'DELETE', token: ada.token });
  expect((await put(`/api/chats/${chat}/requests/${ben.id}`, ada, { decision: 'accept' })).status).toBe(422);
});

describe('search of members', () => {
  it('goes by nickname, handle and name, and finds members only', async () => {
    const word = unique('q').slice(0, 20);
    const byHandle = await signUp({ handle: word });
    const byName = await signUp({ fullname: `Jo ${word} Doe` });
    await signUp({ fullname: word });
    const nicknamed = await signUp();
    const chat = await create({ type: 'Group', members: [byHandle.id, byName.id, nicknamed.id] });
    await put(`/api/chats/${chat}/members/${nicknamed.id}`, nicknamed, { nickname: `${word}!` });
    const find = async (q: string) => {
      const path = `/api/chats/${chat}/members?q=${encodeURIComponent(q)}`;
      const { body } = await api<{ items: Member[] }>(path, { token: ada.token });
      return body.items.map((member) => member.user_id).sort();
    };
    expect(await find(word)).toEqual([byHandle.id, byName.id, nicknamed.id].sort());
    expect(await find(`${word}!`)).toEqual([nicknamed.id]);
    expect(await find('%')).toEqual([]);
    expect((await api(`/api/chats/${chat}/members?q=${word}`, { token: eve.token })).status).toBe(404);
  });
});

describe('the directory of channels', () => {
  const find = async (account: Account, query: string): Promise<ChannelEntry[]> =>
    (await api<{ items: ChannelEntry[] }>(`/api/channels?${query}`, { token: account.token })).body.items;
  const ids = async (account: Account, query: string) => (await find(account, query)).map((entry) => entry.id);

  it('finds by the beginnings of words of name and topic, in any script', async () => {
    const word = unique('tides');
    const one = await create({ type: 'PublicChannel', name: `${word} and WIND` });
    const two = await create({ type: 'PublicChannel', name: '潮汐天气' });
    await put(`/api/chats/${two}`, ada, { topic: `About ${word}` });
    await eventually('both are listed', async () => (await ids(eve, `q=${word}`)).length === 2);
    expect(await ids(eve, `q=${word.slice(0, -2)}%20win`)).toEqual([one]);
    expect(await ids(eve, `q=${encodeURIComponent('天气')}%20${word}`)).toEqual([two]);
    expect(await ids(eve, `q=${word}%20nothing`)).toEqual([]);
    expect(await find(eve, `q=${word}%20wind`)).toMatchObject([{ topic: null, join_policy: 'open', member_count: 1 }]);
    await put(`/api/chats/${one}`, ada, { name: 'Renamed' });
    await eventually('the old name is gone', async () => (await ids(eve, `q=${word}`)).length === 1);
    await put(`/api/chats/${two}`, ada, { archived: true });
    await eventually('archived', async () => (await ids(eve, `q=${word}`)).length === 0);
  });

  it('lists those with the most members first, in pages, and leaves out what is not public or gone', async () => {
    const word = unique('page');
    const chats: string[] = [];
    for (let i = 0; i < 3; i++) {
      const others = (await Promise.all(Array.from({ length: i }, () => signUp()))).map((account) => account.id);
      chats.unshift(await create({ type: 'PublicChannel', name: `${word} ${i}`, members: others }));
    }
    await create({ type: 'PrivateChannel', name: word });
    const deleted = await create({ type: 'PublicChannel', name: word });
    await api(`/api/chats/${deleted}`, { method: 'DELETE', token: ada.token });
    await eventually('all are listed', async () => (await ids(eve, `q=${word}`)).join() === chats.join());
    const first = await api<{ items: ChannelEntry[]; next_cursor: string }>(`/api/channels?q=${word}&limit=2`, {
      token: eve.token,
    });
    const rest = await ids(eve, `q=${word}&limit=2&cursor=${first.body.next_cursor}`);
    expect([...first.body.items.map((entry) => entry.id), ...rest]).toEqual(chats);
  });

  it('of a workspace is for its members', async () => {
    const word = unique('ws');
    const chat = await create({ type: 'PublicChannel', name: word, workspace_id: workspace });
    const query = `q=${word}&workspace_id=${workspace}`;
    await eventually('it is listed', async () => (await ids(ben, query)).join() === chat);
    expect(await ids(ben, `q=${word}`)).toEqual([]);
    expect((await api(`/api/channels?${query}`, { token: eve.token })).status).toBe(404);
  });

  it('follows when D1 is back, after it has failed', async () => {
    const word = unique('later');
    await env.DB.prepare(
      `CREATE TRIGGER away BEFORE INSERT ON channels WHEN NEW.name LIKE '${word}%' BEGIN SELECT raise(ABORT, 'away'); END`,
    ).run();
    const chat = await create({ type: 'PublicChannel', name: word });
    await api(`/api/chats/${chat}/members`, { token: eve.token, body: { user_ids: [eve.id] } });
    await runDurableObjectAlarm(roomOf(chat));
    expect(await find(eve, `q=${word}`)).toEqual([]);
    // The channel is not the worse for it.
    expect((await api(`/api/chats/${chat}/messages`, { token: eve.token, body: { content: 'hi' } })).status).toBe(201);
    await env.DB.prepare('DROP TRIGGER away').run();
    await eventually(
      'it is listed',
      async () => {
        await runDurableObjectAlarm(roomOf(chat));
        return (await find(eve, `q=${word}`))[0]?.member_count === 2;
      },
      15_000,
    );
  });

  it('keeps the newest, whatever comes late', async () => {
    const word = unique('order');
    const id = await create({ type: 'PublicChannel', name: word });
    await eventually('it is listed', async () => (await ids(eve, `q=${word}`)).length === 1);
    const entry = { id, workspace_id: null, listed: true, topic: null, avatar: null, join_policy: 'open' as const };
    const late = { ...entry, version: 0, name: `${word} old`, member_count: 9, profile: true };
    await listChannel(database(env), late);
    expect(await find(eve, `q=${word}`)).toMatchObject([{ name: word, member_count: 1 }]);
    expect(await ids(eve, `q=${word}%20old`)).toEqual([]);
  });
});

it('words are compared without case and form; ideographs go one by one', () => {
  expect(wordsOf('High-Water ＡＴ six, six 潮汐!')).toEqual(['high', 'water', 'at', 'six', '潮', '汐']);
  expect(wordsOf('')).toEqual([]);
});
