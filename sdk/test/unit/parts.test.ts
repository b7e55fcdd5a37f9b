import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClientFrame } from '../../../src/protocol/frames.ts';
import { LIMITS } from '../../../src/protocol/limits.ts';
import { ERRORS } from '../../../src/protocol/wire.ts';
import { Backoff } from '../../src/backoff.ts';
import { encodeBatches } from '../../src/batches.ts';
import { Confirmations } from '../../src/confirmations.ts';
import { environment, randomName, type Socket, type SocketEvent } from '../../src/environment.ts';
import { errorFromResponse } from '../../src/errors.ts';
import { Link } from '../../src/link.ts';
import { ReadMarks } from '../../src/reads.ts';
import { MemoryStorage } from '../../src/storage.ts';
import { TestClock } from '../support/clock.ts';

describe('encodeBatches', () => {
  it('keeps every frame, in order, within the limits of the wire', () => {
    const frame = fc.record({
      length: fc.oneof(fc.nat(50), fc.integer({ min: 9_000, max: 32_000 })),
      wide: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 250 }), (sizes) => {
        const frames: ClientFrame[] = sizes.map(({ length, wide }, i) => ({
          t: 'send',
          client_id: `c${i}`,
          chat_id: 'chat_1',
          kind: 'text',
          content: (wide ? 'é' : 'e').repeat(wide ? Math.floor(length / 2) : length),
        }));
        const batches = encodeBatches(frames);
        const parsed = batches.map((text) => JSON.parse(text) as ClientFrame | ClientFrame[]);
        expect(parsed.flat()).toEqual(frames);
        for (const [i, text] of batches.entries()) {
          expect(Buffer.byteLength(text)).toBeLessThanOrEqual(LIMITS.frameBytes);
          expect([parsed[i]].flat().length).toBeLessThanOrEqual(LIMITS.framesPerMessage);
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe('Backoff', () => {
  it('doubles its limit up to the cap, jitters below it, and respects what the server asks for', () => {
    const high = new Backoff(() => 0.999_999, 500, 30_000);
    const waits = Array.from({ length: 40 }, () => high.next());
    expect(waits.slice(0, 7)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000]);
    expect(Math.max(...waits)).toBe(30_000);
    expect(new Backoff(() => 0).next()).toBe(0);
    expect(new Backoff(() => 0.5, 500).next(7_000)).toBe(7_250);
    high.reset();
    expect(high.next()).toBe(500);
  });
});

describe('errorFromResponse', () => {
  it('reads a problem document', () => {
    const problem = {
      type: 'urn:tideline:error:invalid',
      title: 'A value is not valid',
      status: 422,
      detail: 'email: must be an address',
      code: 'invalid',
      errors: [{ path: 'email', message: 'must be an address' }],
      retry_after: 3,
      request_id: 'req_1',
    };
    expect(errorFromResponse(422, JSON.stringify(problem), null)).toMatchObject({
      name: 'TidelineError',
      message: 'email: must be an address',
      code: 'invalid',
      status: 422,
      retryAfter: 3,
      errors: problem.errors,
      requestId: 'req_1',
    });
  });

  it('makes the best of what something in between answers', () => {
    expect(errorFromResponse(502, '<html>Bad gateway</html>', '7')).toMatchObject({
      code: 'unavailable',
      status: 502,
      retryAfter: 7,
    });
    expect(errorFromResponse(429, '', 'Wed, 21 Oct 2026 07:28:00 GMT')).toMatchObject({
      code: 'rate_limited',
      retryAfter: undefined,
    });
    expect(errorFromResponse(418, 'null', null)).toMatchObject({ code: 'malformed', status: 418 });
    expect(errorFromResponse(404, '{"code":"made_up"}', null)).toMatchObject({ code: 'not_found' });
    for (const { status } of Object.values(ERRORS)) expect(errorFromResponse(status, '', null).status).toBe(status);
  });
});

describe('Confirmations', () => {
  const setup = () => {
    const clock = new TestClock();
    const upto = new Map([['chat_1', 0]]);
    const sent: string[] = [];
    const confirmations = new Confirmations(clock, {
      upto: (chatId) => upto.get(chatId) ?? 0,
      confirm: (route, chatId, seq) => sent.push(`${route} ${chatId} ${seq}`),
    });
    return { clock, upto, sent, confirmations };
  };

  it('go out together after a moment, or at once when much has come', () => {
    const { clock, upto, sent, confirmations } = setup();
    for (let seq = 1; seq <= 63; seq++) {
      upto.set('chat_1', seq);
      confirmations.received('inbox', 'chat_1', 1, 100);
    }
    expect(sent).toEqual([]);
    clock.advance(200);
    expect(sent).toEqual(['inbox chat_1 63']);
    upto.set('chat_1', 127);
    confirmations.received('inbox', 'chat_1', 64, 100);
    expect(sent).toEqual(['inbox chat_1 63', 'inbox chat_1 127']);
    upto.set('chat_1', 128);
    confirmations.received('inbox', 'chat_1', 1, 64 * 1024);
    expect(sent.at(-1)).toBe('inbox chat_1 128');
    clock.advance(1_000);
    expect(sent).toHaveLength(3);
  });

  it('wait while something is missing, and go out when it has come, on each connection', () => {
    const { clock, upto, sent, confirmations } = setup();
    confirmations.received('inbox', 'chat_1', 3, 100);
    confirmations.received('room', 'chat_1', 100, 100);
    clock.advance(1_000);
    expect(sent).toEqual([]);
    upto.set('chat_1', 103);
    confirmations.advanced('chat_1');
    clock.advance(200);
    expect(sent).toEqual(['inbox chat_1 103', 'room chat_1 103']);
  });

  it('are repeated when the server says that the connection lags, and end with the connection', () => {
    const { clock, upto, sent, confirmations } = setup();
    upto.set('chat_1', 5);
    confirmations.force('room', 'chat_1');
    confirmations.force('room', 'chat_1');
    expect(sent).toEqual(['room chat_1 5', 'room chat_1 5']);
    upto.set('chat_1', 6);
    confirmations.received('room', 'chat_1', 1, 10);
    confirmations.lost('room');
    clock.advance(1_000);
    expect(sent).toHaveLength(2);
  });
});

describe('randomName', () => {
  it('is 128 bits in characters that fit a client_id and an attempt', () => {
    const names = Array.from({ length: 1_000 }, randomName);
    for (const name of names) expect(name).toMatch(/^[0-9A-Za-z_-]{22}$/);
    expect(new Set(names).size).toBe(1_000);
  });
});

describe('a device whose time is set back by an hour', () => {
  const setUp = () => {
    const clock = new TestClock();
    const sockets: SilentSocket[] = [];
    class SilentSocket implements Socket {
      readonly readyState = 1;
      readonly bufferedAmount = 0;
      readonly heard = new Map<string, (event: SocketEvent) => void>();
      constructor() {
        sockets.push(this);
      }
      readonly send = () => undefined;
      readonly close = () => undefined;
      addEventListener(type: string, listener: (event: SocketEvent) => void): void {
        this.heard.set(type, listener);
      }
    }
    return { clock, sockets, around: environment({ clock, WebSocket: SilentSocket }) };
  };

  it('says what was read, at most one pause later', () => {
    const { clock, around } = setUp();
    const sent: number[] = [];
    const marks = new ReadMarks(around.clock, new MemoryStorage(), {
      send: (_chatId, seq) => sent.push(seq) > 0,
      fault: (error) => {
        throw error;
      },
    });
    marks.mark('chat_1', 7);
    clock.setBack(3_600_000);
    clock.advance(50);
    clock.advance(50);
    expect(sent).toEqual([7]);
    marks.stop();
  });

  it('finds out within a minute that a connection is dead', async () => {
    const { clock, sockets, around } = setUp();
    const down: string[] = [];
    const link = new Link(
      around,
      { pass: async () => ({ token: 'token', resumed: false }), renew: async () => undefined, slot: undefined },
      () => 'ws://server',
      {
        open: () => undefined,
        frames: () => undefined,
        down: (error) => down.push(error.message),
        refused: (error) => down.push(error.message),
      },
    );
    link.start();
    await Promise.resolve();
    await Promise.resolve();
    sockets[0]?.heard.get('open')?.({});
    clock.advance(1_000);
    expect(link.isOpen).toBe(true);
    clock.setBack(3_600_000);
    for (let second = 0; second < 60; second++) clock.advance(1_000);
    expect(down).toEqual(['The connection went silent']);
    link.stop();
  });
});
