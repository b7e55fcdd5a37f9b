import { describe, expect, it } from 'vitest';
import { MemoryStorage } from '../../src/index.ts';
import { TestClock } from '../support/clock.ts';
import { device, group, person, proxy, secondDevice, texts, until, watch } from '../support/people.ts';
import type { CuttingProxy } from '../support/proxy.ts';

const MINUTE = 60_000;

interface StoredResume {
  session: string;
  token: string;
  expires_at: number;
  slot_ms: number;
}

const stored = async (storage: MemoryStorage) => (await storage.read('resume')).resume as StoredResume | undefined;

/** Notes every wait that is begun. */
class NotingClock extends TestClock {
  readonly waits: number[] = [];

  override after(ms: number, run: () => void): () => void {
    this.waits.push(ms);
    return super.after(ms, run);
  }
}

/** A WebSocket that notes when it was made, where to, and with which token. */
function noted(clock: TestClock) {
  const attempts: { at: number; url: string; token: string }[] = [];
  class Noted extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      attempts.push({ at: clock.now(), url, token: protocols[1]?.replace('bearer.', '') ?? '' });
    }
  }
  return { attempts, WebSocket: Noted };
}

/** Requests that pass, by their first line. */
function requestsOf(between: CuttingProxy): string[] {
  const lines: string[] = [];
  between.onRequest = (line) => {
    lines.push(line.split(' ').slice(0, 2).join(' '));
    return 'pass';
  };
  return lines;
}

async function handed(storage: MemoryStorage): Promise<StoredResume> {
  for (const end = Date.now() + 5_000; Date.now() < end; ) {
    const resume = await stored(storage);
    if (resume !== undefined) return resume;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('no resume token was stored');
}

describe('when the server goes away', () => {
  it('a client comes back in its slot, then as a network that fails again and again asks for', async () => {
    const between = await proxy();
    const clock = new NotingClock();
    const storage = new MemoryStorage();
    const { attempts, WebSocket } = noted(clock);
    const ada = await person('Ada', { url: between.url, clock, storage, WebSocket, random: () => 0.999 });
    const { slot_ms } = await handed(storage);
    clock.advance(6_000);
    await until(() => ada.client.state === 'online');
    between.down = true;
    const before = attempts.length;
    const lost = clock.now();
    clock.waits.length = 0;
    between.cut();
    await until(() => attempts.length > before);
    // By chance alone it would be 500 ms.
    expect(clock.waits).toContain(slot_ms);
    const waited = (attempts[before]?.at ?? 0) - lost;
    expect(waited).toBeGreaterThanOrEqual(slot_ms - 1);
    expect(waited).toBeLessThan(slot_ms + 900);
    // The server is not back by then: from here on the waits grow, and are random.
    await until(() => attempts.length === before + 2);
    expect((attempts[before + 1]?.at ?? 0) - (attempts[before]?.at ?? 0)).toBeGreaterThanOrEqual(990);
    between.down = false;
    await until(() => ada.client.state === 'online');
  });

  it('a client that is connected anew by its owner does not wait', async () => {
    const between = await proxy();
    const clock = new TestClock();
    const storage = new MemoryStorage();
    const { attempts, WebSocket } = noted(clock);
    const ada = await person('Ada', { url: between.url, clock, storage, WebSocket });
    await handed(storage);
    between.cut();
    await until(() => ada.client.state === 'connecting');
    const before = attempts.length;
    ada.client.disconnect();
    void ada.client.connect();
    await Promise.resolve();
    await Promise.resolve();
    expect(attempts).toHaveLength(before + 1);
    await until(() => ada.client.state === 'online');
  });
});

describe('when the access token is still good', () => {
  it.each([
    ['a brief absence is made up for on the sockets alone', 0, []],
    ['a longer one by a sync', 2 * MINUTE, ['POST /api/sync']],
  ])('%s', async (_what, absence, asked) => {
    const between = await proxy();
    const clock = new TestClock();
    const storage = new MemoryStorage();
    const [ada, bob] = await Promise.all([person('Ada', { url: between.url, clock, storage }), person('Bob')]);
    const id = await group(ada, bob);
    await ada.client.chat(id).open();
    await bob.client.chat(id).send('before').sent;
    await until(() => ada.heard.length === 1);
    await handed(storage);
    const requests = requestsOf(between);
    between.down = true;
    between.cut();
    await until(() => ada.client.state === 'connecting');
    for (let i = 0; i < 20; i++) await bob.client.chat(id).send(`missed ${i}`).sent;
    const late = await group(bob);
    await bob.client.chats.addMembers(late, [ada.user.id]);
    clock.advance(absence);
    between.down = false;
    clock.advance(30_000);
    await until(() => ada.client.state === 'online' && ada.heard.length === 21);
    await until(() => ada.client.chats.row(late) !== undefined);
    expect(texts(ada.heard)).toEqual(['before', ...Array.from({ length: 20 }, (_, i) => `missed ${i}`)]);
    expect(requests).toEqual(asked);
  });
});

describe('when the access token has ended meanwhile', () => {
  it('the socket opens without a refresh, brings what was missed, and is renewed some minutes later', async () => {
    const between = await proxy();
    const clock = new TestClock();
    const storage = new MemoryStorage();
    const { attempts, WebSocket } = noted(clock);
    const [ada, bob] = await Promise.all([
      person('Ada', { url: between.url, clock, storage, WebSocket }),
      person('Bob'),
    ]);
    const id = await group(ada, bob);
    await ada.client.chat(id).open();
    await bob.client.chat(id).send('before').sent;
    await until(() => ada.heard.length === 1);
    const resume = await handed(storage);
    const renewed: string[] = [];
    between.onFrame = ({ from, path, text }) => {
      if (from === 'server' && text.includes('"t":"authed"')) renewed.push(path);
      return 'pass';
    };
    const requests = requestsOf(between);
    between.down = true;
    between.cut();
    await until(() => ada.client.state === 'connecting');
    for (let i = 0; i < 20; i++) await bob.client.chat(id).send(`missed ${i}`).sent;
    const late = await group(bob);
    await bob.client.chats.addMembers(late, [ada.user.id]);
    clock.advance(16 * MINUTE);
    const before = attempts.length;
    between.down = false;
    await until(() => ada.client.state === 'online' && ada.heard.length === 21);
    await until(() => between.sockets.length === 2 && ada.client.chats.row(late) !== undefined);
    expect(texts(ada.heard)).toEqual(['before', ...Array.from({ length: 20 }, (_, i) => `missed ${i}`)]);
    expect(new Set(attempts.slice(before).map(({ token }) => token))).toEqual(new Set([resume.token]));
    expect(requests).toEqual([]);
    expect(renewed).toEqual([]);
    // Its time comes between 20 seconds and 10 minutes later.
    clock.advance(15_000);
    await bob.client.chat(id).send('still resumed').sent;
    await until(() => ada.heard.length === 22);
    expect(requests).toEqual([]);
    clock.advance(10 * MINUTE);
    await until(() => renewed.length === 2);
    expect(requests).toEqual(['POST /api/auth/refresh']);
    await bob.client.chat(id).send('renewed').sent;
    await until(() => ada.heard.length === 23);
    expect(ada.errors).toEqual([]);
  });

  it('a request refreshes at once, and its token renews the sockets', async () => {
    const between = await proxy();
    const clock = new TestClock();
    const storage = new MemoryStorage();
    const ada = await person('Ada', { url: between.url, clock, storage });
    await handed(storage);
    const renewed: string[] = [];
    between.onFrame = ({ from, path, text }) => {
      if (from === 'server' && text.includes('"t":"authed"')) renewed.push(path);
      return 'pass';
    };
    between.down = true;
    between.cut();
    await until(() => ada.client.state === 'connecting');
    clock.advance(16 * MINUTE);
    between.down = false;
    await until(() => ada.client.state === 'online');
    const requests = requestsOf(between);
    await Promise.all([1, 2, 3].map(() => ada.client.request('/api/users/me')));
    await until(() => renewed.length === 1);
    expect(requests.filter((line) => line === 'POST /api/auth/refresh')).toHaveLength(1);
  });

  it('the next client on the same storage begins with the stored one', async () => {
    const clock = new TestClock();
    const storage = new MemoryStorage();
    const ada = await person('Ada', { clock, storage });
    const resume = await handed(storage);
    await ada.client.close();
    clock.advance(16 * MINUTE);
    const { attempts, WebSocket } = noted(clock);
    const next = await device({ clock, storage, WebSocket });
    await next.connect();
    expect(attempts.map(({ token }) => token)).toEqual([resume.token]);
    expect(next.user?.id).toBe(ada.user.id);
  });

  it('a resume token that is refused is dropped: one refresh, and the client is back', async () => {
    const between = await proxy();
    const clock = new TestClock();
    const storage = new MemoryStorage();
    const ada = await person('Ada', { clock, storage });
    const resume = await handed(storage);
    await ada.client.close();
    const spoilt = `${resume.token.slice(0, -8)}AAAAAAAA`;
    await storage.write({ set: { resume: { ...resume, token: spoilt } } });
    clock.advance(16 * MINUTE);
    const { attempts, WebSocket } = noted(clock);
    const requests = requestsOf(between);
    const next = await device({ url: between.url, clock, storage, WebSocket });
    const { errors } = watch(next);
    await next.connect();
    expect(attempts).toHaveLength(2);
    expect(attempts[0]?.token).toBe(spoilt);
    expect(attempts[1]?.token).not.toBe(spoilt);
    expect(requests.filter((line) => line === 'POST /api/auth/refresh')).toHaveLength(1);
    expect(errors).toEqual([]);
    await until(() => next.state === 'online');
    expect((await handed(storage)).token).not.toBe(spoilt);
  });
});

describe('the resume token', () => {
  it('is of one session: another sign-in does not use it, a sign-out erases it', async () => {
    const storage = new MemoryStorage();
    const clock = new TestClock();
    const [ada, bob] = await Promise.all([person('Ada', { storage, clock }), person('Bob')]);
    const first = await handed(storage);
    const { attempts, WebSocket } = noted(clock);
    const client = await device({ storage, clock, WebSocket });
    await client.signIn({ email: bob.user.email, password: 'correct horse battery' });
    clock.advance(16 * MINUTE);
    await client.connect();
    expect(attempts.map(({ token }) => token)).not.toContain(first.token);
    await until(() => client.state === 'online');
    ada.client.disconnect();
    await client.signOut();
    expect(await stored(storage)).toBeUndefined();
  });

  it('of a session that was ended elsewhere signs the device out', async () => {
    const between = await proxy();
    const clock = new TestClock();
    const storage = new MemoryStorage();
    const ada = await person('Ada', { url: between.url, clock, storage });
    await handed(storage);
    const phone = await secondDevice(ada);
    between.down = true;
    between.cut();
    await until(() => ada.client.state === 'connecting');
    clock.advance(16 * MINUTE);
    const ended = ada.client.once('signedout');
    await phone.client.request('/api/auth/sessions', { method: 'DELETE' });
    between.down = false;
    expect(await ended).toMatchObject({ code: 'session_ended' });
    expect(ada.client.user).toBeNull();
  });
});
