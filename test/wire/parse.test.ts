import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newId } from '../../src/ids.ts';
import { ErrorFrame } from '../../src/protocol/frames.ts';
import { LIMITS } from '../../src/protocol/limits.ts';
import { joinFrames, parseFrames } from '../../src/wire/parse.ts';

const chat = newId('chat');
const typing = { t: 'typing', chat_id: chat };
const send = (content: string) => ({ t: 'send', client_id: 'c1', chat_id: chat, content });

const binary = (text: string) => Uint8Array.from(new TextEncoder().encode(text)).buffer;

/** A frame of exactly this many bytes. */
const frameOf = (bytes: number) => {
  const empty = JSON.stringify({ t: 'auth', token: '' });
  return `${empty}${' '.repeat(bytes - empty.length)}`;
};

describe('whatever comes in on a socket', () => {
  it('never throws, and is answered with frames or with errors that a client can read', () => {
    const anything = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc.jsonValue().map((value) => JSON.stringify(value)),
      fc.object({ withBigInt: false, withDate: false }).map((value) => JSON.stringify({ t: 'send', ...value })),
      fc.string().map(binary),
    );
    fc.assert(
      fc.property(anything, (data) => {
        const { frames, errors } = parseFrames(data);
        for (const error of errors) ErrorFrame.parse(error);
        if (frames.length === 0 && errors.length === 0) expect(JSON.parse(String(data))).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['nesting beyond every measure', '['.repeat(LIMITS.frameBytes)],
    ['nesting that is closed again', '['.repeat(30_000) + ']'.repeat(30_000)],
    ['a prototype as a key', `{"__proto__":{"t":"typing"},"t":"typing","chat_id":"${chat}"}`],
    ['null', 'null'],
    ['a number', '1e999'],
    ['nothing', ''],
    ['a lone surrogate in a content', JSON.stringify(send('\ud800'))],
    ['a field that nobody knows', JSON.stringify({ ...typing, user_id: newId('usr') })],
    ['a type that nobody knows', JSON.stringify({ t: 'shutdown' })],
    ['an id with a quote in it', JSON.stringify({ ...typing, chat_id: `${chat}","x":"` })],
    ['a seq that is no whole number', JSON.stringify({ t: 'read', chat_id: chat, seq: 1.5 })],
    ['a seq beyond what a number holds', `{"t":"read","chat_id":"${chat}","seq":9007199254740993}`],
    ['a negative seq', JSON.stringify({ t: 'got', chat_id: chat, seq: -1 })],
  ])('is refused when it is %s', (_what, data) => {
    const { frames, errors } = parseFrames(data);
    expect(frames).toEqual([]);
    expect(errors).toHaveLength(1);
  });

  it('is refused when it is binary', () => {
    expect(parseFrames(binary(JSON.stringify(typing))).errors[0]?.code).toBe('malformed');
  });
});

describe('limits', () => {
  it('is refused where bytes were no UTF-8, and takes the character that stands for them as an escape', () => {
    const frame = { t: 'auth', token: 'a\ufffdb' };
    expect(parseFrames(JSON.stringify(frame)).errors).toMatchObject([{ code: 'malformed' }]);
    const escaped = JSON.stringify(frame).replaceAll('\ufffd', '\\ufffd');
    expect(parseFrames(escaped)).toEqual({ frames: [frame], errors: [] });
  });

  it('a message of 64 KiB is read, one byte more is too large', () => {
    expect(parseFrames(frameOf(LIMITS.frameBytes)).frames).toHaveLength(1);
    expect(parseFrames(frameOf(LIMITS.frameBytes + 1)).errors[0]?.code).toBe('too_large');
  });

  it('the size counts bytes of UTF-8, not characters', () => {
    const frame = (count: number) => JSON.stringify({ t: 'auth', token: 'x' }) + '\u2003'.repeat(count);
    const threeBytes = Math.ceil(LIMITS.frameBytes / 3);
    expect(parseFrames(frame(threeBytes)).errors[0]?.code).toBe('too_large');
  });

  it('an array of 100 frames is read, one more is too large', () => {
    const array = (count: number) => JSON.stringify(Array.from({ length: count }, () => typing));
    expect(parseFrames(array(LIMITS.framesPerMessage)).frames).toHaveLength(LIMITS.framesPerMessage);
    expect(parseFrames(array(LIMITS.framesPerMessage + 1)).errors[0]?.code).toBe('too_large');
  });

  it.each([
    ['one-byte characters', 'a', 1],
    ['two-byte characters', 'é', 2],
    ['three-byte characters', '好', 3],
    ['four-byte characters', '🌊', 4],
    // Each takes six characters in JSON: a content of them fits into no frame before it is too long for a content.
    ['characters that JSON escapes twofold', '"', 1],
  ])('a content of 32 KiB of %s is read, one byte more is refused', (_what, unit, bytes) => {
    const fitting = unit.repeat(Math.floor(LIMITS.contentBytes / bytes));
    const full = fitting + 'a'.repeat(LIMITS.contentBytes - Math.floor(LIMITS.contentBytes / bytes) * bytes);
    const read = (content: string) => parseFrames(JSON.stringify(send(content)));
    const tooLong = JSON.stringify(send(`${full}a`)).length > LIMITS.frameBytes;
    if (JSON.stringify(send(full)).length <= LIMITS.frameBytes) expect(read(full).errors).toEqual([]);
    expect(read(`${full}a`).errors[0]?.code).toBe(tooLong ? 'too_large' : 'invalid');
  });
});

describe('an array', () => {
  it('keeps its good frames, in order, when others are bad, and says which were', () => {
    const bad = { t: 'send', client_id: 'c2', chat_id: chat, content: 7 };
    const { frames, errors } = parseFrames(JSON.stringify([typing, bad, send('hello'), 5]));
    expect(frames.map((frame) => frame.t)).toEqual(['typing', 'send']);
    expect(errors).toMatchObject([{ code: 'invalid', client_id: 'c2', chat_id: chat }, { code: 'invalid' }]);
  });

  it('inside an array is no frame', () => {
    expect(parseFrames(JSON.stringify([[typing]])).errors).toHaveLength(1);
  });
});

it('frames for one message are an object alone, or an array', () => {
  expect(joinFrames(['{"t":"pong"}'])).toBe('{"t":"pong"}');
  expect(JSON.parse(joinFrames(['{"a":1}', '{"b":2}']))).toEqual([{ a: 1 }, { b: 2 }]);
});
