import { runInDurableObject } from 'cloudflare:test';
import { beforeEach, expect, it, vi } from 'vitest';
import { sendDigest } from '../../src/mail/digest.ts';
import { Chat } from '../../src/protocol/chats.ts';
import { type Account, api, expectJson, signUp } from '../support/api.ts';
import { Mailbox } from '../support/mail.ts';
import { inboxOf } from '../support/objects.ts';

let ada: Account;
let bob: Account;
let box: Mailbox;

beforeEach(async () => {
  [ada, bob] = await Promise.all([signUp(), signUp()]);
  box = new Mailbox();
});

async function send(type: 'Group' | 'Single', content: string): Promise<void> {
  const body = { type, members: [bob.id], ...(type === 'Group' ? { name: 'Tide tables' } : {}) };
  const { id } = await expectJson(Chat, 201, '/api/chats', { token: ada.token, body });
  expect((await api(`/api/chats/${id}/messages`, { token: ada.token, body: { content } })).status).toBe(201);
  await vi.waitFor(async () => expect((await inboxOf(bob.id).held(id))?.head_seq).toBe(2));
}

async function confirm(account: Account): Promise<string> {
  const { body } = await api<{ email: string }>('/api/auth/verify', { token: account.token });
  const { env } = box;
  await env.DB.prepare('INSERT INTO verified_emails VALUES (?, ?, ?)').bind(account.id, body.email, 1).run();
  return body.email;
}

const dueOf = (account: Account) => runInDurableObject(inboxOf(account.id), (_, { storage }) => storage.getAlarm());

it('a mail names conversations by their name or their person, tells nothing of what was said, and comes once', async () => {
  const email = await confirm(bob);
  await send('Group', 'the secret of the lighthouse');
  await send('Single', 'the keeper knows');
  expect(await dueOf(bob)).toBeGreaterThan(Date.now() + 60_000);
  await sendDigest(box.env, { user_id: bob.id });
  const { body: profile } = await api<{ fullname: string }>('/api/users/me', { token: ada.token });
  expect(box.mails).toMatchObject([{ to: email, subject: 'Messages are waiting for you' }]);
  expect(box.mails[0]?.text).toContain('- Tide tables (1)');
  expect(box.mails[0]?.text).toContain(`- ${profile.fullname} (1)`);
  expect(box.mails[0]?.text).not.toMatch(/lighthouse|keeper/);
});

it('an address that is not confirmed gets none, and neither does somebody who has looked', async () => {
  await send('Group', 'one');
  await sendDigest(box.env, { user_id: bob.id });
  expect(box.mails).toEqual([]);
  await confirm(bob);
  await api('/api/chats', { token: bob.token });
  await sendDigest(box.env, { user_id: bob.id });
  expect(box.mails).toEqual([]);
});

it('one that could not be sent is not done', async () => {
  await confirm(bob);
  await send('Group', 'one');
  box.broken = true;
  await expect(sendDigest(box.env, { user_id: bob.id })).rejects.toThrow('away');
  box.broken = false;
  await sendDigest(box.env, { user_id: bob.id });
  expect(box.mails).toHaveLength(1);
});
