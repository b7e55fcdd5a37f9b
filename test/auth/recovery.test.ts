import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { signIn, signUp } from '../../src/auth/accounts.ts';
import { emailState, requestReset, requestVerification } from '../../src/auth/recovery.ts';
import { configOf } from '../../src/config.ts';
import { database } from '../../src/db/client.ts';
import { findTask } from '../../src/db/tasks.ts';
import { sendAccountMail } from '../../src/mail/account-mails.ts';
import { hashOf } from '../../src/mail/codes.ts';
import { runTask } from '../../src/tasks/perform.ts';
import { api, unique } from '../support/api.ts';
import { codeIn, Mailbox } from '../support/mail.ts';

const PASSWORD = 'correct horse battery staple';
const db = database(env);
const config = configOf(env);

let box: Mailbox;
let email: string;
let id: string;
beforeEach(async () => {
  box = new Mailbox();
  email = `${unique('user')}@example.com`;
  id = (await signUp(box.env, config, { fullname: 'Ada', email, password: PASSWORD }, Date.now())).user.id;
});

const codes = async (): Promise<Record<string, unknown>[]> =>
  (await env.DB.prepare('SELECT * FROM account_codes WHERE user_id = ?').bind(id).all()).results;
const verify = (code: string) => api<{ code?: string }>('/api/auth/verify', { body: { code } });
const reset = (code: string, new_password = 'another password') =>
  api<{ code?: string }>('/api/auth/password/reset', { body: { code, new_password } });
const signsIn = async (password: string) =>
  (await api('/api/auth/signin', { body: { email, password } })).status === 200;
const session = (fields: { device?: string; device_key?: string } = {}) =>
  signIn(box.env, config, { email, password: PASSWORD, ...fields }, Date.now());

describe('a code', () => {
  it('confirms the address that it was sent to, once', async () => {
    const [mail] = await box.deliver();
    expect(mail).toMatchObject({ to: email, subject: 'Confirm your e-mail address' });
    const code = codeIn(mail);
    expect(mail?.text).toContain(`${config.publicUrl}/verify#${code}`);
    expect((await emailState(db, id)).verified_at).toBeNull();
    // At rest there is only its digest.
    expect(await codes()).toMatchObject([{ hash: await hashOf(code), purpose: 'verify', email }]);
    expect(JSON.stringify(await codes())).not.toContain(code);
    const typed = `${code.slice(0, 8).toUpperCase()}-${code.slice(8, 20)} ${code.slice(20)}`;
    expect((await verify(typed)).status).toBe(200);
    expect((await emailState(db, id)).verified_at).toMatch(/^20/);
    expect(await codes()).toEqual([]);
    expect((await verify(code)).body.code).toBe('invalid_code');
    // Nothing more is sent to an address that is confirmed.
    await requestVerification(box.env, id, Date.now());
    expect(await box.deliver()).toEqual([]);
  });

  it('is good for one purpose, as long as it lasts, and while the address is the account’s', async () => {
    const [mail] = await box.deliver();
    expect((await reset(codeIn(mail))).body.code).toBe('invalid_code');
    expect((await verify('0'.repeat(32))).body.code).toBe('invalid_code');
    await env.DB.prepare('UPDATE account_codes SET expires_at = ? WHERE user_id = ?').bind(Date.now(), id).run();
    expect((await verify(codeIn(mail))).body.code).toBe('invalid_code');
    await requestVerification(box.env, id, Date.now());
    const [other] = await box.deliver();
    await env.DB.prepare('UPDATE users SET email = ? WHERE id = ?').bind(`x${email}`, id).run();
    expect((await verify(codeIn(other))).body.code).toBe('invalid_code');
  });

  it('is used by one of many who show it at once', async () => {
    await requestReset(box.env, email, Date.now());
    const code = codeIn((await box.deliver()).find((mail) => mail.subject.includes('password')));
    const answers = await Promise.all(Array.from({ length: 5 }, (_, n) => reset(code, `password number ${n}`)));
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 422, 422, 422, 422]);
  });
});

describe('a forgotten password', () => {
  it('is set by the mailed code, which ends every session', async () => {
    await box.deliver();
    const open = await session({ device_key: 'k'.repeat(22) });
    await box.deliver();
    await requestReset(box.env, email, Date.now());
    const [mail] = await box.deliver();
    expect(mail).toMatchObject({ to: email, subject: 'Set a new password' });
    expect(await signsIn(PASSWORD)).toBe(true);
    expect((await reset(codeIn(mail))).status).toBe(204);
    expect([await signsIn(PASSWORD), await signsIn('another password')]).toEqual([false, true]);
    expect((await api('/api/users/me', { token: open.token })).status).toBe(401);
    expect((await reset(codeIn(mail))).body.code).toBe('invalid_code');
    // Whoever read the mail has the address.
    expect((await emailState(db, id)).verified_at).not.toBeNull();
  });

  it('is asked for with the same answer whether or not there is such an account', async () => {
    const answers = await Promise.all(
      [email, `${unique('nobody')}@example.com`].map((address) =>
        api('/api/auth/password/forgot', { body: { email: address } }),
      ),
    );
    expect(answers.map(({ status, body }) => [status, body])).toEqual([
      [204, null],
      [204, null],
    ]);
    await box.deliver();
    const nobody = `${unique('nobody')}@example.com`;
    await requestReset(box.env, nobody, Date.now());
    expect(box.queued).toHaveLength(1);
    expect(await box.deliver()).toEqual([]);
  });

  it('is asked for a few times only, by account, known or not', async () => {
    for (const address of [email, `${unique('nobody')}@example.com`]) {
      const ask = () => api('/api/auth/password/forgot', { body: { email: address } });
      for (let n = 0; n < 5; n++) expect((await ask()).status).toBe(204);
      const refused = await ask();
      expect([refused.status, Number(refused.headers.get('retry-after')) > 0]).toEqual([429, true]);
    }
    // It does not lock the account out.
    expect(await signsIn(PASSWORD)).toBe(true);
  });

  it('of a suspended account stays as it is', async () => {
    await box.deliver();
    await requestReset(box.env, email, Date.now());
    const [mail] = await box.deliver();
    await env.DB.prepare("UPDATE users SET status = 'Suspended' WHERE id = ?").bind(id).run();
    expect((await reset(codeIn(mail))).body.code).toBe('invalid_code');
    await requestReset(box.env, email, Date.now());
    expect(await box.deliver()).toEqual([]);
  });
});

describe('a sign-in', () => {
  it('from a device that was not there before is told to the user', async () => {
    await box.deliver();
    await session({ device: 'Phone ☎', device_key: 'a'.repeat(22) });
    const [mail] = await box.deliver();
    expect(mail).toMatchObject({ to: email, subject: 'A new sign-in to your account' });
    expect(mail?.text).toContain('Device: Phone ☎');
    await session({ device: 'Phone ☎', device_key: 'a'.repeat(22) });
    expect(await box.deliver()).toEqual([]);
    // The name of a device proves nothing.
    await session({ device: 'Phone ☎', device_key: 'b'.repeat(22) });
    await session({ device: 'Phone ☎' });
    expect(await box.deliver()).toHaveLength(2);
  });

  it('of the device that signed up is not', async () => {
    const device_key = 'c'.repeat(22);
    const other = `${unique('user')}@example.com`;
    await signUp(box.env, config, { fullname: 'Bob', email: other, password: PASSWORD, device_key }, Date.now());
    await box.deliver();
    await signIn(box.env, config, { email: other, password: PASSWORD, device_key }, Date.now());
    expect(await box.deliver()).toEqual([]);
  });

  it('that is refused tells nobody', async () => {
    await box.deliver();
    await expect(signIn(box.env, config, { email, password: 'wrong password' }, Date.now())).rejects.toThrow();
    expect(box.queued).toEqual([]);
  });
});

describe('a mail that cannot be sent', () => {
  it('stays a task, until it would only confuse', async () => {
    await box.deliver();
    await requestReset(box.env, email, Date.now());
    const [task_id = ''] = box.queued;
    box.broken = true;
    await expect(box.deliver()).rejects.toThrow('away');
    const stored = await findTask(db, task_id);
    if (stored?.task.kind !== 'mail') throw new Error('the task is still there');
    box.broken = false;
    await runTask(box.env, stored);
    expect(box.mails.at(-1)).toMatchObject({ to: email, subject: 'Set a new password' });
    const before = box.mails.length;
    const task = { ...stored.task, at: Date.now() - 25 * 60 * 60 * 1000 };
    await sendAccountMail(box.env, db, { id: task_id, task });
    expect(box.mails).toHaveLength(before);
  });
});
