import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { configOf } from '../../src/config.ts';
import { database } from '../../src/db/client.ts';
import { findTask } from '../../src/db/tasks.ts';
import { runTask } from '../../src/tasks/perform.ts';
import { createInvitation, revokeInvitation } from '../../src/workspaces/invitations.ts';
import { type Account, signUp, unique } from '../support/api.ts';
import { Mailbox } from '../support/mail.ts';
import { act, newWorkspace, outcome, redeem, remove, seat } from './support.ts';

/* An invitation to an address goes there by mail, and nowhere else. */

let box: Mailbox;
let owner: Account;
let place: string;
let email: string;
beforeEach(async () => {
  box = new Mailbox();
  owner = await signUp({ fullname: 'Grace Hopper' });
  place = await newWorkspace(owner);
  email = `${unique('guest')}@example.com`;
});

const invite = (to = email, environment: Env = box.env, by = owner) =>
  createInvitation(environment, place, by.id, { email: to, role: 'guest' }, Date.now());
const codeIn = (text: string | undefined) => /\/join#([A-Za-z0-9_-]{32})$/m.exec(text ?? '')?.[1] ?? '';

describe('the mail of an invitation', () => {
  it('has the code, which whoever made it does not see, and lets in one who signs up with the address', async () => {
    const made = await invite(email, { ...box.env, ENVIRONMENT: 'production' });
    expect(made).toMatchObject({ email, role: 'guest', code: null });
    const [mail] = await box.deliver();
    expect(mail).toMatchObject({ to: email, subject: 'You are invited to a workspace' });
    expect(mail?.text).toContain('Grace Hopper');
    expect(mail?.text).toContain('Harbour');
    const code = codeIn(mail?.text);
    expect(mail?.text).toContain(`${configOf(env).publicUrl}/join#${code}`);
    const stored = await env.DB.prepare('SELECT * FROM workspace_invitations WHERE workspace_id = ?').bind(place).all();
    expect(JSON.stringify(stored.results)).not.toContain(code);

    expect((await redeem(await signUp(), code)).status).toBe(404);
    const guest = await signUp({ email });
    const look = await act(guest, '/api/workspace-invitations/preview', { body: { code } });
    expect(look.body).toMatchObject({ workspace: { id: place }, role: 'guest', member: false });
    expect((await redeem(guest, code)).body).toMatchObject({ id: place, role: 'guest' });
    // Used up.
    await remove(owner, place, guest);
    expect((await redeem(guest, code)).status).toBe(404);
  });

  it('is sent later when it cannot be sent now, and has the same code however often it comes', async () => {
    box.broken = true;
    const { code } = await invite();
    const [id = ''] = box.queued;
    await expect(box.deliver()).rejects.toThrow('away');
    box.broken = false;
    const stored = await findTask(database(env), id);
    if (stored === undefined) throw new Error('the task is gone');
    await runTask(box.env, stored);
    await runTask(box.env, stored);
    expect(await findTask(database(env), id)).toBeUndefined();
    expect(box.mails.map(({ text }) => codeIn(text))).toEqual([code, code]);
  });

  it('that is sent after the keys were replaced has a code that is good', async () => {
    const { code } = await invite();
    const { keys } = JSON.parse(env.JWT_KEYS) as { keys: unknown[] };
    const [id = ''] = box.queued;
    const stored = await findTask(database(env), id);
    if (stored === undefined) throw new Error('the task is gone');
    await runTask({ ...box.env, JWT_KEYS: JSON.stringify({ keys: keys.toReversed() }) }, stored);
    const mailed = codeIn(box.mails[0]?.text);
    expect(mailed).not.toBe(code);
    expect((await redeem(await signUp({ email }), mailed)).status).toBe(200);
  });

  it('is not sent once the invitation does not hold, or is of no use', async () => {
    const gone = await invite();
    await revokeInvitation(env, place, owner.id, gone.id);
    expect(await box.deliver()).toEqual([]);

    const maker = await signUp();
    await seat(owner, place, maker, 'member');
    await invite(email, box.env, maker);
    await remove(owner, place, maker);
    expect(await box.deliver()).toEqual([]);

    const inside = await signUp();
    await seat(owner, place, inside, 'member');
    await invite(inside.email);
    expect(await box.deliver()).toEqual([]);

    const suspended = await signUp();
    await env.DB.prepare("UPDATE users SET status = 'Suspended' WHERE id = ?").bind(suspended.id).run();
    await invite(suspended.email);
    expect(await box.deliver()).toEqual([]);

    await invite();
    await env.DB.prepare(
      "UPDATE tasks SET payload = json_set(payload, '$.at', 0) WHERE kind = 'invitation_mail'",
    ).run();
    expect(await box.deliver()).toEqual([]);
    expect(await env.DB.prepare("SELECT count(*) AS n FROM tasks WHERE kind = 'invitation_mail'").first('n')).toBe(0);
  });

  it('does not reach who has blocked the one who invites, and the answer does not tell', async () => {
    const blocker = await signUp();
    expect(await outcome(blocker, `/api/blocks/${owner.id}`, { method: 'PUT' })).toBe(200);
    const [refused, taken] = [await invite(blocker.email), await invite()];
    expect(Object.keys(refused)).toEqual(Object.keys(taken));
    expect((await box.deliver()).map(({ to }) => to)).toEqual([email]);
  });

  it('is one of so many, to everybody and to one address', async () => {
    for (let i = 0; i < 3; i++) await invite();
    await expect(invite()).rejects.toMatchObject({ code: 'rate_limited' });
    for (let i = 4; i < 30; i++) await invite(`${unique('guest')}@example.com`);
    await expect(invite(`${unique('guest')}@example.com`)).rejects.toMatchObject({ code: 'rate_limited' });
    expect(await box.deliver()).toHaveLength(29);
  });
});
