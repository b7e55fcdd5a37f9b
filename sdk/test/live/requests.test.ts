import { describe, expect, it } from 'vitest';
import type { Fetch, HttpResponse, Socket, SocketEvent, User } from '../../src/index.ts';
import { TestClock } from '../support/clock.ts';
import { device, group, person, texts, until } from '../support/people.ts';

const answer = (status: number, headers: Record<string, string> = {}): HttpResponse => ({
  status,
  headers: { get: (name) => headers[name] ?? null },
  text: async () => '',
});

/** The real fetch, before which a test puts faults. */
function faulty() {
  const faults: (() => Promise<HttpResponse>)[] = [];
  const requests: string[] = [];
  const fetch: Fetch = (url, request) => {
    requests.push(`${request.method} ${new URL(url).pathname}`);
    return faults.shift()?.() ?? globalThis.fetch(url, request);
  };
  return { faults, requests, fetch };
}

describe('a request', () => {
  it('that may be made twice is made again after a lost connection, 429 and 503, not before Retry-After', async () => {
    const clock = new TestClock();
    const { faults, requests, fetch } = faulty();
    const ada = await person('Ada', { fetch, clock, random: () => 0 });
    const before = requests.length;
    faults.push(
      () => Promise.reject(new TypeError('fetch failed')),
      () => Promise.resolve(answer(429, { 'retry-after': '7' })),
      () => Promise.resolve(answer(503)),
    );
    const began = clock.now();
    let done = false;
    const me = ada.client.request<User>('/api/users/me').finally(() => {
      done = true;
    });
    await until(() => requests.length - before === 2);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(requests.length - before).toBe(2);
    await until(() => {
      if (!done) clock.advance(500);
      return done;
    });
    expect(await me).toMatchObject({ id: ada.user.id });
    expect(clock.now() - began).toBeGreaterThanOrEqual(7_000);
    expect(requests.slice(before)).toEqual(Array(4).fill('GET /api/users/me'));
  });

  it('is given up after three repeats, or when it is told to wait for long', async () => {
    const { faults, requests, fetch } = faulty();
    const ada = await person('Ada', { fetch, random: () => 0 });
    const before = requests.length;
    for (let i = 0; i < 5; i++) faults.push(() => Promise.resolve(answer(503)));
    await expect(ada.client.request('/api/users/me')).rejects.toMatchObject({ code: 'unavailable', status: 503 });
    expect(requests.length - before).toBe(4);
    faults.length = 0;
    faults.push(() => Promise.resolve(answer(429, { 'retry-after': '3600' })));
    await expect(ada.client.request('/api/users/me')).rejects.toMatchObject({ code: 'rate_limited', retryAfter: 3600 });
    expect(requests.length - before).toBe(5);
  });

  it('that may not be made twice is made once', async () => {
    const { faults, requests, fetch } = faulty();
    const client = await device({ fetch });
    faults.push(() => Promise.resolve(answer(503)));
    await expect(client.signIn({ email: 'a@example.com', password: 'wrong password' })).rejects.toMatchObject({
      code: 'unavailable',
    });
    const ada = await person('Ada', { fetch });
    const before = requests.length;
    faults.push(() => Promise.reject(new TypeError('fetch failed')));
    await expect(ada.client.chats.create({ type: 'Group', name: 'once' })).rejects.toMatchObject({
      name: 'NetworkError',
    });
    expect(requests.slice(before)).toEqual(['POST /api/chats']);
  });

  it('can be called off', async () => {
    const { faults, fetch } = faulty();
    const ada = await person('Ada', { fetch });
    const controller = new AbortController();
    faults.push(() => Promise.resolve(answer(503, { 'retry-after': '20' })));
    const request = ada.client.request('/api/users/me', { signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    await expect(request).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('answered by something that is no Tideline server is a network error', async () => {
    const client = await device({
      fetch: async () => ({ ...answer(200), text: async () => '<html>' }),
    });
    await expect(client.request('/healthz', { auth: false })).rejects.toMatchObject({
      name: 'NetworkError',
      message: expect.stringContaining('not JSON'),
    });
  });

  it('to an address that is none is refused when the client is made', async () => {
    await expect(device({ url: 'chat.example.com' })).rejects.toMatchObject({ code: 'invalid' });
  });
});

describe('a history that was replaced', () => {
  it('voids what is held; the conversation on screen is filled anew, and goes on', async () => {
    // The server's logs are not restored in a test: what it says of the epoch is altered on its way.
    let restored = false;
    const altered = (text: string) => (restored ? text.replaceAll(/"epoch":"(\w+)"/g, '"epoch":"$1x"') : text);
    class AlteringSocket implements Socket {
      readonly #socket: WebSocket;
      constructor(url: string, protocols: string[]) {
        this.#socket = new WebSocket(url, protocols);
      }
      get readyState() {
        return this.#socket.readyState;
      }
      get bufferedAmount() {
        return this.#socket.bufferedAmount;
      }
      send(text: string): void {
        this.#socket.send(text);
      }
      close(code?: number): void {
        this.#socket.close(code);
      }
      addEventListener(type: 'open' | 'message' | 'close' | 'error', listener: (event: SocketEvent) => void): void {
        this.#socket.addEventListener(type, (event) => {
          listener(event instanceof MessageEvent ? { data: altered(String(event.data)) } : (event as SocketEvent));
        });
      }
    }
    const fetch: Fetch = async (url, request) => {
      const response = await globalThis.fetch(url, request);
      const text = altered(await response.text());
      return { status: response.status, headers: response.headers, text: async () => text };
    };
    const [ada, bob] = await Promise.all([person('Ada', { fetch, WebSocket: AlteringSocket }), person('Bob')]);
    const id = await group(ada, bob);
    for (let i = 0; i < 10; i++) await bob.client.chat(id).send(`${i}`).sent;
    const chat = ada.client.chat(id);
    await chat.open();
    await until(() => chat.timeline.length === 10);
    let resets = 0;
    chat.on('reset', () => resets++);
    restored = true;
    await bob.client.chat(id).send('after').sent;
    await until(() => resets === 1 && chat.timeline.length === 11);
    expect(texts(chat.timeline)).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'after']);
    await bob.client.chat(id).send('and on').sent;
    await until(() => ada.heard.at(-1)?.content === 'and on');
    expect(resets).toBe(1);
    expect(texts(ada.heard).filter((text) => text === '5')).toHaveLength(1);
    expect(chat.events.map((event) => event.seq)).toEqual(Array.from({ length: 13 }, (_, i) => i + 1));
  });
});
