import { describe, expect, inject, it } from 'vitest';
import { MemoryStorage, type TidelineError, type User } from '../../src/index.ts';
import { TestClock } from '../support/clock.ts';
import { device, group, PASSWORD, pause, person, proxy, secondDevice, until, watch } from '../support/people.ts';

const MINUTE = 60_000;

/** The session as it is stored. */
async function stored(storage: MemoryStorage) {
  return (await storage.read('session')).session as
    | { token: string; refresh_token: string; attempt?: string; expires_at: number }
    | undefined;
}

describe('accounts', () => {
  it('refusals are typed: an address that is taken, a wrong password, a value that is not valid', async () => {
    const ada = await person('Ada');
    const other = await device();
    const input = { fullname: 'Ada', email: ada.user.email, password: PASSWORD };
    await expect(other.signUp(input)).rejects.toMatchObject({
      name: 'TidelineError',
      code: 'email_taken',
      status: 409,
    });
    await expect(other.signIn({ email: ada.user.email, password: 'wrong password' })).rejects.toMatchObject({
      code: 'invalid_credentials',
      status: 401,
    });
    await expect(other.signUp({ ...input, email: 'nobody' })).rejects.toMatchObject({
      code: 'invalid',
      errors: [expect.objectContaining({ path: expect.stringContaining('email') })],
    });
    expect(other.user).toBeNull();
    await expect(other.connect()).rejects.toMatchObject({ code: 'unauthenticated' });
    await expect(other.request('/api/users/me')).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('an address at which nobody answers is a network error, apart from refusals', async () => {
    const between = await proxy();
    between.down = true;
    const client = await device({ url: between.url });
    await expect(client.signIn({ email: 'a@example.com', password: PASSWORD })).rejects.toMatchObject({
      name: 'NetworkError',
      message: expect.stringContaining('not reached'),
    });
  });

  it('a session is taken up by the next client on the same storage', async () => {
    const storage = new MemoryStorage();
    const ada = await person('Ada', { storage, device: 'laptop' });
    await ada.client.close();
    const again = await device({ storage });
    expect(again.user).toEqual(ada.user);
    await again.connect();
    const { items } = await again.request<{ items: { device: string; current: boolean }[] }>('/api/auth/sessions');
    expect(items).toMatchObject([{ device: 'laptop', current: true }]);
  });

  it('the profile is changed, and remembered', async () => {
    const storage = new MemoryStorage();
    const ada = await person('Ada', { storage });
    await ada.client.updateUser({ fullname: 'Ada Lovelace' });
    expect(ada.client.user?.fullname).toBe('Ada Lovelace');
    expect((await device({ storage })).user?.fullname).toBe('Ada Lovelace');
    const [found] = await ada.client.findUsers({ email: ada.user.email });
    expect(found).toMatchObject({ id: ada.user.id, fullname: 'Ada Lovelace' });
    expect(await ada.client.findUsers({ ids: [ada.user.id] })).toHaveLength(1);
  });

  it('signing out ends the session on the server and leaves nothing of the user on the device', async () => {
    const storage = new MemoryStorage();
    const ada = await person('Ada', { storage });
    const id = await group(ada);
    await ada.client.chat(id).send('hello').sent;
    const token = (await stored(storage))?.token ?? '';
    const ended = ada.client.once('signedout');
    ada.client.disconnect();
    ada.client.chat(id).send('never sent');
    await ada.client.signOut();
    expect((await ended).code).toBe('session_ended');
    expect(ada.client.user).toBeNull();
    expect(ada.client.chats.rows).toEqual([]);
    expect(Object.keys(await storage.read(''))).toEqual(['device_key']);
    const answer = await fetch(`${inject('serverUrl')}/api/users/me`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(answer.status).toBe(401);
  });

  it('a session that is ended elsewhere closes this device and says so', async () => {
    const ada = await person('Ada');
    const id = await group(ada);
    await ada.client.chat(id).open();
    const phone = await secondDevice(ada);
    const told: TidelineError[] = [];
    ada.client.on('signedout', (error) => told.push(error));
    await phone.client.request('/api/auth/sessions', { method: 'DELETE' });
    await until(() => told.length === 1 && phone.client.user === null);
    expect(told[0]).toMatchObject({ code: 'session_ended', status: 401 });
    expect(ada.client.state).toBe('offline');
    expect(ada.client.user).toBeNull();
  });

  it('somebody else may sign in on the same client: nothing of the first is left in sight', async () => {
    const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
    await group(ada);
    ada.client.disconnect();
    const user: User = await ada.client.signIn({ email: bob.user.email, password: PASSWORD });
    expect(user.id).toBe(bob.user.id);
    expect(ada.client.chats.rows).toEqual([]);
    await ada.client.connect();
    expect(ada.client.chats.rows).toEqual([]);
  });
});

describe('the access token', () => {
  it('is renewed before it ends, on open sockets too, without a break', async () => {
    const between = await proxy();
    const clock = new TestClock();
    const storage = new MemoryStorage();
    const [ada, bob] = await Promise.all([person('Ada', { url: between.url, clock, storage }), person('Bob')]);
    const id = await group(ada, bob);
    await ada.client.chat(id).open();
    const renewed: string[] = [];
    const states: string[] = [];
    between.onFrame = ({ from, path, text }) => {
      if (from === 'server' && text.includes('"t":"authed"')) renewed.push(path);
      return 'pass';
    };
    ada.client.on('connection', ({ state }) => states.push(state));
    const before = await stored(storage);
    // A token says when it was made in whole seconds.
    await pause(1_100);
    clock.advance(14 * MINUTE + 1_000);
    await until(() => renewed.length === 2);
    expect(renewed.sort()).toEqual([`/api/chats/${id}/ws`, '/api/ws'].sort());
    const after = await stored(storage);
    expect(after?.token).not.toBe(before?.token);
    expect(after?.refresh_token).not.toBe(before?.refresh_token);
    expect(after).not.toHaveProperty('attempt');
    await bob.client.chat(id).send('still there?').sent;
    await until(() => ada.heard.length === 1);
    expect(states).toEqual([]);
    // And again: the plan for the next renewal was made. (In between, the jump in time is answered by a pong.)
    await pause(1_200);
    clock.advance(14 * MINUTE + 1_000);
    await until(() => renewed.length === 4);
  });

  it('is renewed once, however many requests ask for it', async () => {
    const between = await proxy();
    const clock = new TestClock();
    const ada = await person('Ada', { url: between.url, clock });
    ada.client.disconnect();
    let refreshes = 0;
    between.onRequest = (line) => {
      if (line.startsWith('POST /api/auth/refresh')) refreshes++;
      return 'pass';
    };
    clock.advance(16 * MINUTE);
    await Promise.all(Array.from({ length: 10 }, () => ada.client.request<User>('/api/users/me')));
    expect(refreshes).toBe(1);
  });

  it('whose renewal was answered into the void is asked for again by the same name: the session lives', async () => {
    const between = await proxy();
    const clock = new TestClock();
    const storage = new MemoryStorage();
    const ada = await person('Ada', { url: between.url, clock, storage });
    ada.client.disconnect();
    const before = await stored(storage);
    let lost = 0;
    between.onRequest = (line) => {
      if (!line.startsWith('POST /api/auth/refresh') || lost === 2) return 'pass';
      lost++;
      return 'lose';
    };
    clock.advance(16 * MINUTE);
    expect(await ada.client.request<User>('/api/users/me')).toMatchObject({ id: ada.user.id });
    expect(lost).toBe(2);
    expect((await stored(storage))?.refresh_token).not.toBe(before?.refresh_token);
    expect(ada.client.user?.id).toBe(ada.user.id);
  });

  it('whose renewal was cut off by the end of the process is asked for again by the next one', async () => {
    const between = await proxy();
    const clock = new TestClock();
    const storage = new MemoryStorage();
    const ada = await person('Ada', { url: between.url, clock, storage });
    ada.client.disconnect();
    between.onRequest = (line) => (line.startsWith('POST /api/auth/refresh') ? 'lose' : 'pass');
    clock.advance(16 * MINUTE);
    await expect(ada.client.request('/api/users/me', { retries: 0 })).rejects.toMatchObject({ name: 'NetworkError' });
    expect((await stored(storage))?.attempt).toMatch(/^[0-9A-Za-z_-]{22}$/);
    between.onRequest = () => 'pass';
    const next = await device({ storage, clock });
    expect(await next.request<User>('/api/users/me')).toMatchObject({ id: ada.user.id });
  });

  it('is shared by clients on the same storage: the slower one takes what the faster one got', async () => {
    const clock = new TestClock();
    const storage = new MemoryStorage();
    const ada = await person('Ada', { clock, storage });
    const tab = await device({ clock, storage });
    const { errors } = watch(tab);
    await tab.connect();
    clock.advance(16 * MINUTE);
    const both = await Promise.all([ada.client, tab].map((client) => client.request<User>('/api/users/me')));
    expect(both.map((user) => user.id)).toEqual([ada.user.id, ada.user.id]);
    await pause(200);
    expect(ada.client.user).not.toBeNull();
    expect(tab.user).not.toBeNull();
    expect([...ada.errors, ...errors]).toEqual([]);
  });

  it('a session whose refresh token was used by a thief ends, with a typed error', async () => {
    const clock = new TestClock();
    const storage = new MemoryStorage();
    const ada = await person('Ada', { clock, storage });
    ada.client.disconnect();
    const { refresh_token } = (await stored(storage)) ?? {};
    const theft = await fetch(`${inject('serverUrl')}/api/auth/refresh`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ refresh_token }),
    });
    expect(theft.status).toBe(200);
    clock.advance(16 * MINUTE);
    const ended = ada.client.once('signedout');
    await expect(ada.client.request('/api/users/me')).rejects.toMatchObject({ code: 'session_ended' });
    expect(await ended).toMatchObject({ status: 401 });
    expect(await stored(storage)).toBeUndefined();
  });
});
