import { expect, it } from 'vitest';
import { type Fetch, MemoryStorage } from '../../src/index.ts';
import { device, PASSWORD, person } from '../support/people.ts';

it('the account knows whether its address is confirmed, and refuses codes that are none', async () => {
  const { client, user } = await person('Ada');
  expect(await client.account.email()).toEqual({ email: user.email, verified_at: null });
  await client.account.sendVerification();
  const stranger = await device();
  await expect(stranger.account.verifyEmail('no code')).rejects.toMatchObject({ code: 'invalid_code' });
  await expect(stranger.account.resetPassword('no code', 'another password')).rejects.toMatchObject({
    code: 'invalid_code',
  });
  await stranger.account.forgotPassword(user.email);
  await stranger.account.forgotPassword(`nobody-${user.email}`);
});

it('a device says who it is, the same over sign-outs and restarts', async () => {
  const keys: unknown[] = [];
  const fetch: Fetch = (url, request) => {
    if (/sign(up|in)$/.test(url)) keys.push(JSON.parse(String(request.body)).device_key);
    return globalThis.fetch(url, request);
  };
  const storage = new MemoryStorage();
  const { client, user } = await person('Ada', { storage, fetch });
  await client.signOut();
  await client.signIn({ email: user.email, password: PASSWORD });
  const reloaded = await device({ storage, fetch });
  await reloaded.signIn({ email: user.email, password: PASSWORD });
  const other = await device({ fetch });
  await other.signIn({ email: user.email, password: PASSWORD });
  expect(keys).toHaveLength(4);
  expect(new Set(keys.slice(0, 3)).size).toBe(1);
  expect(keys[3]).not.toBe(keys[0]);
  expect(keys[0]).toMatch(/^[\w-]{22}$/);
});
