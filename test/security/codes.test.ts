import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { newCode } from '../../src/chats/invitations.ts';
import { database } from '../../src/db/client.ts';
import { newId } from '../../src/ids.ts';
import { issueCode } from '../../src/mail/codes.ts';
import { type Account, api, request, signUp } from '../support/api.ts';
import { roomOf } from '../support/objects.ts';

/* Codes that let in whoever has them: they cannot be guessed, are kept nowhere, and are good for as many as they say. */

let ada: Account;
let chat: string;
let workspace: string;
beforeAll(async () => {
  ada = await signUp();
  const { token } = ada;
  chat = (await api<{ id: string }>('/api/chats', { token, body: { type: 'Group', name: 'Codes', members: [] } })).body
    .id;
  workspace = (await api<{ id: string }>('/api/workspaces', { token, body: { name: 'Codes' } })).body.id;
});

interface Invited {
  id: string;
  code: string;
}
const invite = async (path: string, body: object = {}): Promise<Invited> =>
  (await api<Invited>(`${path}/invitations`, { token: ada.token, body })).body;

const SAMPLES = 200;
const KINDS: [string, number, () => Promise<string>][] = [
  ['an invitation to a conversation', 192, async () => newCode(chat).slice(26)],
  ['an invitation to a workspace', 192, async () => (await invite(`/api/workspaces/${workspace}`)).code],
  ['a new password', 160, () => issueCode(database(env), 'reset', { id: ada.id, email: ada.email }, Date.now())],
  ['an address', 160, () => issueCode(database(env), 'verify', { id: ada.id, email: ada.email }, Date.now())],
];

describe.each(KINDS)('a code for %s', (_, bits, make) => {
  it(`has ${bits} random bits`, async () => {
    const codes: string[] = [];
    for (let i = 0; i < SAMPLES; i++) codes.push(await make());
    expect(new Set(codes).size).toBe(SAMPLES);
    const [first = ''] = codes;
    const places = Array.from(first, (_character, at) => new Set(codes.map((code) => code[at])));
    // At every place many different characters stand: no part of it is a counter, a time or a constant.
    expect(Math.min(...places.map((seen) => seen.size))).toBeGreaterThan(20);
    const alphabet = new Set(codes.flatMap((code) => Array.from(code))).size;
    expect(Math.floor(Math.log2(alphabet) * first.length)).toBeGreaterThanOrEqual(bits);
  });
});

it('a code is kept nowhere', async () => {
  const { code } = await invite(`/api/chats/${chat}`);
  const { code: second } = await invite(`/api/workspaces/${workspace}`);
  const third = await issueCode(database(env), 'reset', { id: ada.id, email: ada.email }, Date.now());
  const kept = await runInDurableObject(roomOf(chat), (_room, { storage }) =>
    JSON.stringify(storage.sql.exec('SELECT * FROM invitations').toArray()),
  );
  const tables = ['workspace_invitations', 'account_codes', 'tasks'];
  const rows = await Promise.all(tables.map((table) => env.DB.prepare(`SELECT * FROM ${table}`).all()));
  const text = kept + JSON.stringify(rows);
  expect(text).toContain(ada.id);
  for (const secret of [code, code.slice(26), second, third]) expect(text).not.toContain(secret);
  // Nor is it shown again.
  for (const path of [`/api/chats/${chat}/invitations`, `/api/workspaces/${workspace}/invitations`]) {
    const list = JSON.stringify((await api(path, { token: ada.token })).body);
    for (const secret of [code.slice(26), second]) expect(list).not.toContain(secret);
  }
});

describe.each([
  ['a conversation', () => `/api/chats/${chat}`, '/api/invitations/redeem'],
  ['a workspace', () => `/api/workspaces/${workspace}`, '/api/workspace-invitations/redeem'],
] as const)('an invitation to %s', (_, path, redeem) => {
  const USES = 2;
  it('lets in as many as it is for, however many come at once', async () => {
    const { code } = await invite(path(), { max_uses: USES });
    const comers = await Promise.all(Array.from({ length: 8 }, () => signUp()));
    const answers = await Promise.all(comers.map(({ token }) => request(redeem, { token, body: { code } })));
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([200, 200, ...Array.from({ length: 6 }, () => 404)]);
    const { body } = await api<{ items: { user_id: string }[] }>(`${path()}/members`, { token: ada.token });
    const inside = new Set(body.items.map(({ user_id }) => user_id));
    expect(comers.filter(({ id }) => inside.has(id))).toHaveLength(USES);
  });

  it('that is guessed, taken back or used up answers alike', async () => {
    const [used, revoked] = [await invite(path(), { max_uses: 1 }), await invite(path())];
    await request(redeem, { token: (await signUp()).token, body: { code: used.code } });
    await request(`${path()}/invitations/${revoked.id}`, { method: 'DELETE', token: ada.token });
    const guessed = used.code.replace(/.{12}$/, 'AAAAAAAAAAAA');
    const elsewhere = newCode(newId('chat'));
    const { token } = await signUp();
    const codes = [used.code, revoked.code, guessed, ...(redeem.startsWith('/api/invitations') ? [elsewhere] : [])];
    const answers = await Promise.all(
      codes.map(async (code) => {
        const { status, body } = await api<Record<string, unknown>>(redeem, { token, body: { code } });
        return { status, ...body, request_id: '' };
      }),
    );
    expect(answers[0]).toMatchObject({ status: 404, code: 'not_found' });
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
  });
});
