import { describe, expect, it } from 'vitest';
import type { TidelineClient } from '../../src/index.ts';
import { TestClock } from '../support/clock.ts';
import { device, group, PASSWORD, pause, person, proxy, texts, until, watch } from '../support/people.ts';
import type { Fate, Passing } from '../support/proxy.ts';

const isSend = ({ from, text }: Passing) => from === 'client' && text.includes('"t":"send"');
const isAck = ({ from, text }: Passing) => from === 'server' && text.includes('"t":"ack"');
const isEvents = ({ from, text }: Passing) =>
  from === 'server' && text.includes('"t":"events"') && text.includes('the one');

/** Every point of a send at which the connection may end. */
const POINTS: { at: string; which: (frame: Passing) => boolean; fate: Fate }[] = [
  { at: 'before the frame leaves', which: isSend, fate: 'cut before' },
  { at: 'halfway through the frame', which: isSend, fate: 'cut within' },
  { at: 'after the frame has left, before its answer', which: isSend, fate: 'cut after' },
  { at: 'while the acknowledgement is on its way', which: isAck, fate: 'cut before' },
  { at: 'halfway through the acknowledgement', which: isAck, fate: 'cut within' },
  { at: 'right after the acknowledgement', which: isAck, fate: 'cut after' },
  { at: 'while the event is on its way', which: isEvents, fate: 'cut before' },
  { at: 'halfway through the event', which: isEvents, fate: 'cut within' },
];

describe.each(['inbox', 'room'] as const)('a send on the %s socket, cut', (socket) => {
  it.each(POINTS)('$at', async ({ which, fate }) => {
    const between = await proxy();
    const [ada, bob] = await Promise.all([person('Ada', { url: between.url }), person('Bob')]);
    const id = await group(ada, bob);
    const chat = ada.client.chat(id);
    if (socket === 'room') await chat.open();
    let cuts = 0;
    between.onFrame = (frame) => {
      const expected = socket === 'room' ? frame.path.endsWith(`/${id}/ws`) : frame.path === '/api/ws';
      if (cuts > 0 || !expected || !which(frame)) return 'pass';
      cuts++;
      return fate;
    };
    const sending = ['the one before', 'the one', 'the one after'].map((text) => chat.send(text));
    const receipts = await Promise.all(sending.map((message) => message.sent));
    await until(() => cuts === 1);
    expect(receipts.map(({ seq }) => seq)).toEqual([2, 3, 4]);
    await until(() => bob.heard.length === 3 && ada.heard.length === 3);
    const last = await chat.send('and one more').sent;
    await until(() => bob.heard.length === 4 && ada.heard.length === 4);
    expect(last.seq).toBe(5);
    for (const { heard } of [ada, bob]) {
      expect(texts(heard)).toEqual(['the one before', 'the one', 'the one after', 'and one more']);
    }
    expect(texts(chat.timeline)).toEqual(texts(ada.heard));
    expect(ada.client.outbox).toEqual([]);
  });
});

describe('a connection', () => {
  it('that is cut comes back, and brings what was missed in order and once', async () => {
    const between = await proxy();
    const [ada, bob] = await Promise.all([person('Ada', { url: between.url }), person('Bob')]);
    const id = await group(ada, bob);
    await ada.client.chat(id).open();
    await bob.client.chat(id).send('before').sent;
    await until(() => ada.heard.length === 1);
    between.down = true;
    between.cut();
    await until(() => ada.client.state === 'connecting');
    for (let i = 0; i < 30; i++) await bob.client.chat(id).send(`missed ${i}`).sent;
    between.down = false;
    await until(() => ada.client.state === 'online');
    await until(() => ada.heard.length === 31);
    expect(texts(ada.heard)).toEqual(['before', ...Array.from({ length: 30 }, (_, i) => `missed ${i}`)]);
    await bob.client.chat(id).send('after').sent;
    await until(() => ada.heard.length === 32);
    // The conversation's own connection comes back in its own time.
    await until(() => between.sockets.includes(`/api/chats/${id}/ws`) && between.sockets.includes('/api/ws'));
  });

  it('on which events are lost is repaired by a pull', async () => {
    const between = await proxy();
    const [ada, bob] = await Promise.all([person('Ada', { url: between.url }), person('Bob')]);
    const id = await group(ada, bob);
    let lost = 0;
    between.onFrame = ({ from, text }) => {
      if (from === 'client' || !text.includes('"t":"events"') || !/"content":"lost/.test(text) || lost >= 3)
        return 'pass';
      lost++;
      return 'lose';
    };
    for (const text of ['a', 'lost 1', 'lost 2', 'lost 3', 'b']) {
      await bob.client.chat(id).send(text).sent;
      await pause(30);
    }
    await until(() => ada.heard.length === 5);
    expect(lost).toBe(3);
    expect(texts(ada.heard)).toEqual(['a', 'lost 1', 'lost 2', 'lost 3', 'b']);
  });

  it('on which the last events are lost is repaired by what the list says', async () => {
    const between = await proxy();
    const [ada, bob] = await Promise.all([person('Ada', { url: between.url }), person('Bob')]);
    const id = await group(ada, bob);
    let lost = 0;
    between.onFrame = ({ from, text }) => {
      if (from === 'client' || !/^{"t":"events"/.test(text) || lost > 0) return 'pass';
      lost++;
      return 'lose';
    };
    await bob.client.chat(id).send('the last one').sent;
    await until(() => ada.heard.length === 1);
    expect(lost).toBe(1);
  });

  it('that cannot be made is tried again; what was sent meanwhile goes out then', async () => {
    const between = await proxy();
    const ada = await person('Ada', { url: between.url });
    const id = await group(ada);
    between.down = true;
    between.cut();
    await until(() => ada.client.state === 'connecting');
    const message = ada.client.chat(id).send('while down');
    await pause(300);
    expect(message.status).toBe('sending');
    between.down = false;
    expect(await message.sent).toMatchObject({ seq: 2 });
  });

  it('that has gone silent is given up: after a ping without a pong, or a message without an answer', async () => {
    for (const wait of [36_000, 26_000]) {
      const between = await proxy();
      const clock = new TestClock();
      const ada = await person('Ada', { url: between.url, clock });
      const id = await group(ada);
      let silent = true;
      between.onFrame = () => (silent ? 'lose' : 'pass');
      const message = wait === 26_000 ? ada.client.chat(id).send('is anybody there?') : undefined;
      await pause(100);
      expect(ada.client.state).toBe('online');
      for (let gone = 0; gone < wait; gone += 1_000) clock.advance(1_000);
      await until(() => ada.client.state === 'connecting');
      silent = false;
      await until(() => {
        clock.advance(100);
        return ada.client.state === 'online';
      });
      if (message !== undefined) expect(await message.sent).toMatchObject({ seq: 2 });
    }
  });
});

describe('a connection that the runtime holds although its object knows nothing of it any more', () => {
  /** Pings are answered, and nothing else: the runtime does that itself. */
  const orphaned = ({ text }: Passing): Fate => (text === 'ping' || text === 'pong' ? 'pass' : 'lose');

  it.each([
    ['its token is renewed', 14 * 60_000 + 1_000, () => undefined],
    ['somebody looks', 40_000, (client: TidelineClient) => client.wake()],
  ])('is given up when %s, and what was missed comes', async (_what, later, look) => {
    const between = await proxy();
    const clock = new TestClock();
    const [ada, bob] = await Promise.all([person('Ada', { url: between.url, clock }), person('Bob')]);
    const id = await group(ada, bob);
    await ada.client.chat(id).open();
    between.onFrame = orphaned;
    await bob.client.chat(id).send('into the void').sent;
    for (let gone = 0; gone < 40_000; gone += 5_000) {
      clock.advance(5_000);
      await pause(30);
    }
    // A token says when it was made in whole seconds.
    await pause(1_100);
    expect([ada.client.state, ada.heard]).toEqual(['online', []]);
    clock.advance(later - 40_000);
    let asked = 0;
    between.onFrame = (frame) => {
      if (frame.text.includes('"t":"auth"')) asked++;
      return orphaned(frame);
    };
    look(ada.client);
    await until(() => asked === 2);
    clock.advance(9_000);
    expect(ada.client.state).toBe('online');
    clock.advance(2_000);
    expect(ada.client.state).toBe('connecting');
    between.onFrame = () => 'pass';
    await until(() => {
      clock.advance(100);
      return ada.client.state === 'online' && ada.heard.length === 1;
    });
    await until(() => between.sockets.length === 2);
  });

  it('is not asked for when it has just brought something', async () => {
    const between = await proxy();
    const clock = new TestClock();
    const ada = await person('Ada', { url: between.url, clock });
    const id = await group(ada);
    let asked = 0;
    between.onFrame = ({ text }) => {
      if (text.includes('"t":"auth"')) asked++;
      return 'pass';
    };
    clock.advance(20_000);
    await ada.client.chat(id).send('one').sent;
    clock.advance(20_000);
    ada.client.wake();
    await ada.client.chat(id).send('two').sent;
    expect(asked).toBe(0);
    clock.advance(31_000);
    ada.client.wake();
    await until(() => asked === 1);
    await ada.client.chat(id).send('three').sent;
    clock.advance(11_000);
    await pause(50);
    expect(ada.client.state).toBe('online');
  });
});

describe.each(['inbox', 'room'] as const)('a slow reader on the %s socket', (socket) => {
  it('is sent no more than its credit, is told so, and pulls the rest at its own pace', {
    timeout: 60_000,
  }, async () => {
    const between = await proxy();
    const [ada, bob] = await Promise.all([person('Ada'), person('Bob', { url: between.url })]);
    const id = await group(ada, bob);
    await ada.client.chat(id).open();
    if (socket === 'room') await bob.client.chat(id).open();
    const lags: string[] = [];
    between.onFrame = ({ from, path, text }) => {
      if (from === 'server' && text.includes('"t":"lag"')) lags.push(path);
      return 'pass';
    };
    between.hold(true);
    const count = 90;
    // One after another: an inbox that is told of many at once is told where the log stands, and not sent them.
    for (let i = 0; i < count; i++) await ada.client.chat(id).send(`${i} ${'x'.repeat(30_000)}`).sent;
    between.hold(false);
    await until(() => bob.heard.length === count, 30_000);
    expect(lags).toContain(socket === 'room' ? `/api/chats/${id}/ws` : '/api/ws');
    expect(texts(bob.heard).map((text) => Number(text.split(' ')[0]))).toEqual(
      Array.from({ length: count }, (_, i) => i),
    );
    await ada.client.chat(id).send('and live again').sent;
    await until(() => bob.heard.length === count + 1);
    expect(bob.errors).toEqual([]);
  });
});

describe('many clients behind a bad network', () => {
  it('all end with the same log, each message once', { timeout: 90_000 }, async () => {
    // A generator with a fixed seed (mulberry32): the same cuts in every run, as far as timing lets them.
    let seed = 20261121;
    const random = () => {
      seed = (seed + 0x6d2b79f5) | 0;
      let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    };
    const proxies = await Promise.all([proxy(), proxy(), proxy()]);
    const people = await Promise.all(proxies.map(({ url }, i) => person(`P${i}`, { url })));
    const [first, ...others] = people;
    if (first === undefined) throw new Error('nobody is there');
    const id = await group(first, ...others);
    for (const between of proxies) {
      between.onFrame = () => {
        const dice = random();
        if (dice < 0.01) return 'cut before';
        if (dice < 0.02) return 'cut within';
        if (dice < 0.03) return 'cut after';
        return 'pass';
      };
    }
    const each = 60;
    const sent: Promise<unknown>[] = [];
    for (let round = 0; round < each; round++) {
      for (const [i, { client }] of people.entries()) {
        const chat = client.chat(id);
        const dice = random();
        if (dice < 0.1) chat.open().catch(() => undefined);
        else if (dice < 0.2) chat.close();
        sent.push(chat.send(`${i}:${round}`).sent);
      }
      await pause(20);
    }
    await Promise.all(sent);
    for (const between of proxies) between.onFrame = () => 'pass';
    const total = each * people.length;
    await until(() => people.every(({ heard }) => heard.length >= total), 30_000);
    await pause(300);
    const reader = await device();
    watch(reader);
    await reader.signIn({ email: first.user.email, password: PASSWORD });
    const chat = reader.chat(id);
    await reader.connect();
    await chat.open({ page: 1_000 });
    const straight = texts(chat.timeline);
    expect(straight).toHaveLength(total);
    for (const [i, { heard, client }] of people.entries()) {
      expect(texts(heard)).toEqual(straight);
      expect(straight.filter((text) => text.startsWith(`${i}:`))).toEqual(
        Array.from({ length: each }, (_, round) => `${i}:${round}`),
      );
      expect(client.outbox).toEqual([]);
    }
  });
});
